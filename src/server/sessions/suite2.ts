import { hash } from 'node:crypto';
import { pathWithoutName } from '../../protocol/endpoints.ts';
import { Problem, problemDetails } from '../../protocol/errors.ts';
import {
  answerContext,
  decodeContent,
  decodePaddedJson,
  encodeContent,
  encodePaddedJson,
  firstMessageInfo,
  formatSessionKey,
  HASH_LENGTH,
  KEM_CIPHERTEXT_LENGTH,
  KEM_PUBLIC_KEY_LENGTH,
  labels,
  parseSessionKey,
  requestContext,
  SUITE2,
  secondMessageInfo,
} from '../../protocol/suite2.ts';
import { openAead, sealAead } from '../crypto/aead.ts';
import { expand, extract } from '../crypto/derive.ts';
import { setupReceiver, setupSender } from '../crypto/hpke.ts';
import { type XWingKeyPair, xwingEncapsulate } from '../crypto/xwing.ts';
import type { Transaction } from '../store/store.ts';
import type { Body, Handshake, NextStep, Outcome, SealedRequest, Suite, UnsealedRequest } from './suite.ts';

/*
 * Suite 2: a session that an active man in the middle cannot read, forge, replay or outlive. docs/protocol.md has it in
 * full. A step's secret is the root R[n] of its chain; every request and answer has a key of its own made from it:
 *
 *   request = AEAD(Exp(R, "vws2 req"), content) bound to method, path and session key;  h = SHA-256(binding ‖ request)
 *   answer  = AEAD(Exp(R, "vws2 res " ‖ h), content) bound to the status
 *   N = Exp(R, "vws2 next " ‖ h);  R[n+1] = N, or Ext(N, shared secret) where the request brought a KEM key
 */

/** How long a new session waits for its first request, in milliseconds. */
export const UNUSED_SESSION_TIME = 2 * 60 * 1000;
const ROOT_LENGTH = 32;

/** The server's KEM key as clients ask for it. */
export interface SignedDescriptor {
  /** Ed25519 public key, 32 bytes. */
  readonly identity: Uint8Array;
  readonly descriptor: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Suite2Dependencies {
  readonly kemKeys: {
    current(transaction: Transaction): Promise<SignedDescriptor>;
    find(transaction: Transaction, kid: Uint8Array): Promise<XWingKeyPair | undefined>;
  };
  /** Milliseconds without a request after which a session is over. */
  readonly idleTime: number;
  readonly clock: () => number;
}

export function createSuite2({ kemKeys, idleTime, clock }: Suite2Dependencies): Suite {
  async function introduce(tx: Transaction): Promise<Handshake> {
    const { identity, descriptor, signature } = await kemKeys.current(tx);
    return {
      answer: wireAnswer(200, {
        identity: encode(identity),
        descriptor: encode(descriptor),
        signature: encode(signature),
      }),
    };
  }

  return {
    number: SUITE2,
    allowsAnotherRequest: false,
    unusedTime: UNUSED_SESSION_TIME,

    async openHandshake(tx, body) {
      if (body.kid === undefined) return introduce(tx);
      const kid = decode(body.kid);
      if (kid?.length !== HASH_LENGTH) throw new Problem('handshake_refused', { detail: 'The kid is not one.' });
      const keyPair = await kemKeys.find(tx, kid);
      return keyPair ? answerHandshake(keyPair, kid, body, { idle: idleTime, now: clock() }) : introduce(tx);
    },

    sessionIdOf(sessionKey) {
      const parts = parseSessionKey(sessionKey);
      return parts && rowIdOf(Buffer.from(parts.sessionId, 'base64url'));
    },

    identify: (request) => [bindingOf(request), payloadOf(request)],

    openRequest(root, request): UnsealedRequest {
      const binding = bindingOf(request);
      const payload = payloadOf(request);
      const plaintext = openAead(expand(root, labels.requestKey), payload, binding);
      if (!plaintext) throw malformed('The request does not open under the key of this step.');
      const content = decodeContent(plaintext, KEM_PUBLIC_KEY_LENGTH);
      const requestHash = sha256(binding, payload);
      return {
        fields: content ? readFields(content.json, request) : malformed('The content is not flags and a JSON object.'),
        seal: (outcome, keyEstablishment) =>
          sealAnswer({ root, requestHash, sessionKey: request.sessionKey }, outcome, () =>
            keyEstablishment ? { ciphertext: keyEstablishment } : establish(content?.keyEstablishment),
          ),
      };
    },
  };
}

/** The server's side of the two HPKE messages. */
function answerHandshake(keyPair: XWingKeyPair, kid: Uint8Array, body: Body, greeting: object): Handshake {
  const clientKey = decode(body.public_key);
  const firstMessage = decode(body.ciphertext);
  if (!clientKey || !firstMessage) throw new Problem('handshake_refused', { detail: 'A field is missing.' });
  const firstInfo = firstMessageInfo(kid);
  const received = setupReceiver(keyPair, firstMessage.subarray(0, KEM_CIPHERTEXT_LENGTH), firstInfo);
  const plaintext = received?.open(clientKey, firstMessage.subarray(KEM_CIPHERTEXT_LENGTH));
  if (!received || !plaintext || !decodePaddedJson(plaintext)) {
    throw new Problem('handshake_refused', { detail: 'The first message does not open.' });
  }
  const psk = { secret: received.export(labels.psk, ROOT_LENGTH), id: Buffer.from(labels.pskId) };
  const sent = setupSender(clientKey, secondMessageInfo(sha256(firstInfo, clientKey, firstMessage)), psk);
  if (!sent) throw new Problem('handshake_refused', { detail: 'The public key is not one.' });
  const secondMessage = Buffer.concat([
    sent.encapsulated,
    sent.context.seal(new Uint8Array(), encodePaddedJson(greeting)),
  ]);
  const sessionId = sent.context.export(labels.sessionId, ROOT_LENGTH);
  const root = sent.context.export(labels.root, ROOT_LENGTH);
  return {
    answer: wireAnswer(200, { ciphertext: encode(secondMessage) }),
    session: {
      id: rowIdOf(sessionId),
      keys: { sessionKey: formatSessionKey(encode(sessionId), 0), secret: root },
    },
  };
}

interface Step {
  readonly root: Uint8Array;
  readonly requestHash: Uint8Array;
  readonly sessionKey: string;
}

interface Establishment {
  /** Missing where the answer is sealed once more: the next step is there already. */
  readonly sharedSecret?: Uint8Array;
  readonly ciphertext: Uint8Array;
}

function sealAnswer(
  { root, requestHash, sessionKey }: Step,
  outcome: Outcome,
  establishKey: () => Establishment | undefined,
): NextStep {
  const problem = 'problem' in outcome ? problemDetails(outcome.problem) : undefined;
  const status = problem?.status ?? 200;
  const establishment = establishKey();
  const content = encodeContent(establishment?.ciphertext, problem ?? ('fields' in outcome ? outcome.fields : {}));
  const payload = sealAead(expand(root, labels.answerKey, requestHash), content, answerContext(status));
  const nextRoot = expand(root, labels.nextRoot, requestHash);
  const { sessionId, step } = partsOf(sessionKey);
  return {
    keys: {
      sessionKey: formatSessionKey(sessionId, step + 1),
      secret: establishment?.sharedSecret ? extract(nextRoot, establishment.sharedSecret) : nextRoot,
    },
    answer: wireAnswer(status, { payload: encode(payload) }),
    ...(establishment && { keyEstablishment: establishment.ciphertext }),
  };
}

/** A key that is none is left out, which the answer's flags tell: the chain goes on without it. */
function establish(publicKey: Uint8Array | undefined): Establishment | undefined {
  return publicKey && xwingEncapsulate(publicKey);
}

function readFields(json: Record<string, unknown>, { endpoint }: SealedRequest): Record<string, string> | Problem {
  const names = [...Object.keys(endpoint.fields), ...(endpoint.pathField ? [endpoint.pathField] : [])];
  const fields: Record<string, string> = {};
  for (const name of names) {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (typeof value !== 'string') return malformed(`The field ${name} is missing or not a text.`);
    fields[name] = value;
  }
  return fields;
}

function bindingOf({ endpoint, sessionKey }: SealedRequest): Uint8Array {
  return requestContext('POST', pathWithoutName(endpoint), sessionKey);
}

function payloadOf({ body }: SealedRequest): Uint8Array {
  const payload = decode(body.payload);
  if (!payload) throw malformed('The field payload is missing or not base64url.');
  return payload;
}

function partsOf(sessionKey: string) {
  const parts = parseSessionKey(sessionKey);
  if (!parts) throw new Error('a step of suite 2 whose session key is none');
  return parts;
}

/** What a session is stored under: its id itself, which opens it, is never stored. */
function rowIdOf(sessionId: Uint8Array): Uint8Array {
  return sha256(Buffer.from('vws2 row '), sessionId);
}

function wireAnswer(status: number, fields: Record<string, string>) {
  return { status, body: JSON.stringify({ suite: SUITE2, ...fields }) };
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer');
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

/** @returns undefined if the value is not the base64url, without padding, of anything */
function decode(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]+$/.test(value)) return undefined;
  return Buffer.from(value, 'base64url');
}

function malformed(detail: string): Problem {
  return new Problem('malformed_request', { detail });
}
