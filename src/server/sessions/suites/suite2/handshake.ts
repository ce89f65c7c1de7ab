// The server's side of the suite 2 handshake.
import { Problem } from '../../../../protocol/problems.ts';
import {
  decodePaddedJson,
  encodePaddedJson,
  firstMessageInfo,
  formatSessionKey,
  KEM_CIPHERTEXT_LENGTH,
  labels,
  secondMessageInfo,
} from '../../../../protocol/suite2.ts';
import { setupReceiver, setupSender } from '../../../crypto/hpke.ts';
import type { XWingKeyPair } from '../../../crypto/xwing.ts';
import { fromBase64Url, toBase64Url } from '../../base64url.ts';
import type { Body, Handshake } from '../suite.ts';
import { rowIdOf, sha256, wireResponse } from './wire.ts';

/** Bytes of each exported secret. */
const SECRET_LENGTH = 32;

/*
 * Two HPKE messages in the pattern of PQNoise's pqNK. The client sends the first and receives the second, which is bound
 * to the first by its info and by a secret exported from it.
 */

/**
 * Decrypts the client's message and creates the response.
 *
 * @param kid identifies `keyPair`
 * @param greeting encrypted content of the response
 * @throws Problem `handshake_refused`
 */
export function respondToHandshake(keyPair: XWingKeyPair, kid: Uint8Array, body: Body, greeting: object): Handshake {
  const clientKey = fromBase64Url(body.public_key);
  const firstMessage = fromBase64Url(body.ciphertext);
  if (!clientKey || !firstMessage)
    throw new Problem('handshake_refused', { detail: 'Missing or invalid field: public_key or ciphertext.' });
  const firstInfo = firstMessageInfo(kid);
  const received = setupReceiver(keyPair, firstMessage.subarray(0, KEM_CIPHERTEXT_LENGTH), firstInfo);
  const plaintext = received?.open(clientKey, firstMessage.subarray(KEM_CIPHERTEXT_LENGTH));
  if (!received || !plaintext || !decodePaddedJson(plaintext)) {
    throw new Problem('handshake_refused', { detail: 'The first message cannot be decrypted.' });
  }
  const psk = { secret: received.export(labels.psk, SECRET_LENGTH), id: Buffer.from(labels.pskId) };
  const sent = setupSender(clientKey, secondMessageInfo(sha256(firstInfo, clientKey, firstMessage)), psk);
  if (!sent) throw new Problem('handshake_refused', { detail: 'Invalid public key.' });
  const secondMessage = Buffer.concat([
    sent.encapsulated,
    sent.context.seal(new Uint8Array(), encodePaddedJson(greeting)),
  ]);
  const sessionId = sent.context.export(labels.sessionId, SECRET_LENGTH);
  const root = sent.context.export(labels.root, SECRET_LENGTH);
  return {
    response: wireResponse(200, { ciphertext: toBase64Url(secondMessage) }),
    session: {
      id: rowIdOf(sessionId),
      keys: { sessionKey: formatSessionKey(toBase64Url(sessionId), 0), secret: root },
    },
  };
}
