// Suite 1: handshake and restored sessions.
import { toBase64 } from '../../protocol/bytes.ts';
import type { HANDSHAKE_PATH } from '../../protocol/endpoints.ts';
import { VwsError } from '../error.ts';
import { isObject } from '../json.ts';
import { NoResponseError, type Suite } from '../suite.ts';
import { decryptField, fromHex, isAesKey, toHex } from './fieldEncryption.ts';
import { throwWithoutKeys } from './problems.ts';
import { Suite1State, type Suite1StateData } from './sessionState.ts';

const PATH: typeof HANDSHAKE_PATH = '/create_session_key';
const RSA = { name: 'RSA-OAEP', hash: 'SHA-256' } as const;
const RSA_KEY = { ...RSA, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) } as const;
const PEM_LINE = /.{1,64}/g;

/**
 * The original protocol, for servers that support nothing else. It encrypts fields but does not authenticate anything: use
 * it only over HTTPS.
 *
 * @example
 * import { connect } from 'vws-client';
 * import { suite1 } from 'vws-client/suite1';
 * const vws = await connect('https://old.example.org', { suite: suite1 });
 */
export const suite1: Suite = {
  id: 1,

  async start(context) {
    const { subtle } = globalThis.crypto;
    const rsa = await subtle.generateKey(RSA_KEY, false, ['encrypt', 'decrypt']);
    const pem = toPem(new Uint8Array(await subtle.exportKey('spki', rsa.publicKey)));
    const reply = await context.post(PATH, { public_key: toHex(new TextEncoder().encode(pem)) });
    if (!isObject(reply.json) || typeof reply.json.ciphertext !== 'string') return throwWithoutKeys(reply);

    const hex = await subtle.decrypt(RSA, rsa.privateKey, fromHex(reply.json.ciphertext)).then(
      (bytes) => new TextDecoder().decode(bytes),
      () => undefined,
    );
    const sessionKey = isAesKey(hex) ? await decryptField(hex, reply.json.session_key) : undefined;
    if (hex === undefined || sessionKey === undefined) {
      throw new NoResponseError(new VwsError('bad_answer', 'The response to the handshake cannot be decrypted.'));
    }
    return new Suite1State({ aesKey: hex, sessionKey, isLoggedIn: false });
  },

  restore({ sessionKey, aesKey, isLoggedIn }) {
    const isComplete = typeof sessionKey === 'string' && typeof aesKey === 'string' && isAesKey(aesKey);
    return isComplete
      ? new Suite1State({ sessionKey, aesKey, isLoggedIn: isLoggedIn === true } satisfies Suite1StateData)
      : undefined;
  },
};

function toPem(spki: Uint8Array): string {
  const lines = toBase64(spki).match(PEM_LINE) ?? [];
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n');
}
