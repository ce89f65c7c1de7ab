// Sessions of the floor: handshake and requests of suite 1.
import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { hmac, openField, openGcm, randomBytes, randomSessionKey, sealField, sealGcm, sha256 } from './crypto.ts';
import type { FloorStore, SessionRow } from './store.ts';

const KEY_LENGTH = 32;
/** The server's limit: a longer response is not stored, but created again. */
const MAX_STORED_ANSWER = 16 * 1024;

const keyEncryptionKey = Buffer.from(randomBytes(KEY_LENGTH));
const SECRET_PREFIX = Buffer.from('vws secret ');
const ANSWER_PREFIX = Buffer.from('vws answer ');

export type Body = Readonly<Record<string, string>>;

/**
 * Opens a session that is logged in as this user.
 *
 * @returns the response
 */
export function openSession(store: FloorStore, userId: Uint8Array, { public_key = '' }: Body): string {
  const secret = Buffer.from(randomBytes(KEY_LENGTH));
  const sessionKey = randomSessionKey();
  const { stepId, sealedSecret } = sealStep(sessionKey, secret);
  store.insertSession(userId, { stepId, sealedSecret, sealedResponse: null });
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const key = createPublicKey(Buffer.from(public_key, 'hex').toString('latin1'));
  const ciphertext = publicEncrypt({ key, ...padding }, Buffer.from(secret.toString('hex'))).toString('hex');
  return JSON.stringify({ ciphertext, session_key: sealField(secret, sessionKey) });
}

/** Finds the session, passes the request's fields to `act`, which returns the response's message, and advances the session. */
export function runStep(
  store: FloorStore,
  path: string,
  bytes: Buffer,
  body: Body,
  act: (session: SessionRow, field: (name: string) => string) => string | undefined,
): string {
  const { session_key = '' } = body;
  const stepId = sha256('vws step id ', session_key);
  const stepKey = hmac(keyEncryptionKey, session_key);
  const requestHash = sha256('vws request ', path + bytes.toString('latin1'));
  const session = store.findSession(stepId);
  const secret = openGcm(stepKey, session.sealed_secret, Buffer.concat([SECRET_PREFIX, stepId]));
  const result = act(session, (name) => openField(secret, body[name]));
  const newSecret = Buffer.from(randomBytes(KEY_LENGTH));
  const newSessionKey = randomSessionKey();
  const answer = JSON.stringify({
    ciphertext: sealField(secret, newSecret.toString('hex')),
    session_key: sealField(newSecret, newSessionKey),
    message: result === undefined ? undefined : sealField(newSecret, result),
  });
  const stored = answer.length <= MAX_STORED_ANSWER;
  store.moveSession(session.session, {
    ...sealStep(newSessionKey, newSecret),
    sealedResponse: stored ? sealGcm(stepKey, Buffer.from(answer), Buffer.concat([ANSWER_PREFIX, requestHash])) : null,
  });
  return answer;
}

function sealStep(sessionKey: string, secret: Buffer): { stepId: Buffer; sealedSecret: Buffer } {
  const stepId = sha256('vws step id ', sessionKey);
  const stepKey = hmac(keyEncryptionKey, sessionKey);
  return { stepId, sealedSecret: sealGcm(stepKey, secret, Buffer.concat([SECRET_PREFIX, stepId])) };
}
