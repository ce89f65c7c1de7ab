import { pathWithoutName } from '../../../../protocol/endpoints.ts';
import { Problem, problemDetails } from '../../../../protocol/problems.ts';
import {
  answerContext,
  decodeContent,
  encodeContent,
  formatSessionKey,
  HASH_LENGTH,
  KEM_PUBLIC_KEY_LENGTH,
  labels,
  parseSessionKey,
  requestContext,
  SUITE2,
} from '../../../../protocol/suite2.ts';
import { openAead, sealAead } from '../../../crypto/aead.ts';
import { expand, extract } from '../../../crypto/derive.ts';
import { type XWingKeyPair, xwingEncapsulate } from '../../../crypto/xwing.ts';
import type { Transaction } from '../../../store/store.ts';
import type { Handshake, NextStep, Outcome, SealedRequest, Suite, UnsealedRequest } from '../suite.ts';
import { answerHandshake } from './handshake.ts';
import { decodeBytes, encodeBytes, rowIdOf, sha256, wireAnswer } from './wire.ts';

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

/** What a server tells of itself, in base64url. */
export function introductionOf({ identity, descriptor, signature }: SignedDescriptor) {
  return {
    identity: encodeBytes(identity),
    descriptor: encodeBytes(descriptor),
    signature: encodeBytes(signature),
  };
}

export function createSuite2({ kemKeys, idleTime, clock }: Suite2Dependencies): Suite {
  async function introduce(tx: Transaction): Promise<Handshake> {
    return { answer: wireAnswer(200, introductionOf(await kemKeys.current(tx))) };
  }

  return {
    number: SUITE2,
    allowsAnotherRequest: false,
    unusedTime: UNUSED_SESSION_TIME,

    async openHandshake(tx, body) {
      if (body.kid === undefined) return introduce(tx);
      const kid = decodeBytes(body.kid);
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
    answer: wireAnswer(status, { payload: encodeBytes(payload) }),
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
    // JSON can say what UTF-8 cannot: halves of surrogate pairs would silently become something else. Nobody has such a name.
    if (name !== endpoint.pathField && !value.isWellFormed()) return malformed(`The field ${name} is not Unicode.`);
    fields[name] = value;
  }
  return fields;
}

function bindingOf({ endpoint, sessionKey }: SealedRequest): Uint8Array {
  return requestContext('POST', pathWithoutName(endpoint), sessionKey);
}

function payloadOf({ body }: SealedRequest): Uint8Array {
  const payload = decodeBytes(body.payload);
  if (!payload) throw malformed('The field payload is missing or not base64url.');
  return payload;
}

function partsOf(sessionKey: string) {
  const parts = parseSessionKey(sessionKey);
  if (!parts) throw new Error('a step of suite 2 whose session key is none');
  return parts;
}

function malformed(detail: string): Problem {
  return new Problem('malformed_request', { detail });
}
