// Suite 2: requests and responses that are authenticated, encrypted and bound to their step.
import { type Feature, pathWithoutName } from '../../../../protocol/endpoints.ts';
import { Problem, problemDetails } from '../../../../protocol/problems.ts';
import {
  decodeContent,
  encodeContent,
  formatSessionKey,
  HASH_LENGTH,
  KEM_PUBLIC_KEY_LENGTH,
  labels,
  parseSessionKey,
  requestContext,
  responseContext,
  type SignedDescriptor,
  SUITE2,
} from '../../../../protocol/suite2.ts';
import { openAead, sealAead } from '../../../crypto/aead.ts';
import { expand, extract } from '../../../crypto/derive.ts';
import { type XWingKeyPair, xwingEncapsulate } from '../../../crypto/xwing.ts';
import type { Transaction } from '../../../store/store.ts';
import { fromBase64Url, toBase64Url } from '../../base64url.ts';
import type { Body, DecryptedRequest, Handshake, NextStep, ResponseFields, Suite, WireRequest } from '../suite.ts';
import { respondToHandshake } from './handshake.ts';
import { rowIdOf, sha256, wireResponse } from './wire.ts';

/*
 * A session that an active man in the middle cannot read, forge, replay or outlive; docs/protocol.md specifies it. The
 * secret of a step is the root R[n] of its chain. Every request and response has its own key, derived from it:
 *
 *   request  = AEAD(Exp(R, "vws2 req"), content) bound to method, path and session key;  h = SHA-256(binding ‖ request)
 *   response = AEAD(Exp(R, "vws2 res " ‖ h), content) bound to the status
 *   N = Exp(R, "vws2 next " ‖ h);  R[n+1] = N, or Ext(N, shared secret) if the request has a KEM public key (rekey)
 */

/** Idle timeout of a session before its first request. */
export const UNUSED_SESSION_TIMEOUT_MS = 2 * 60 * 1000;

export interface Suite2Dependencies {
  readonly kemKeys: {
    current(transaction: Transaction): Promise<SignedDescriptor>;
    find(transaction: Transaction, kid: Uint8Array): Promise<XWingKeyPair | undefined>;
  };
  /** Time without a request after which a session expires: reported to clients. */
  readonly idleTimeoutMs: number;
  /** Capabilities of the server: reported to clients. */
  readonly features: readonly Feature[];
  readonly clock: () => number;
}

/** Formats the identity and the signed KEM key of the server in base64url. */
export function introductionOf({ identity, descriptor, signature }: SignedDescriptor) {
  return {
    identity: toBase64Url(identity),
    descriptor: toBase64Url(descriptor),
    signature: toBase64Url(signature),
  };
}

/** Suite 2 over the server's KEM keys. */
export class Suite2 implements Suite {
  readonly number = SUITE2;
  readonly allowsAnotherRequest = false;
  readonly unusedTimeoutMs = UNUSED_SESSION_TIMEOUT_MS;
  readonly #kemKeys: Suite2Dependencies['kemKeys'];
  readonly #idleTimeoutMs: number;
  readonly #features: readonly Feature[];
  readonly #clock: () => number;

  constructor({ kemKeys, idleTimeoutMs, features, clock }: Suite2Dependencies) {
    this.#kemKeys = kemKeys;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#features = features;
    this.#clock = clock;
  }

  /** Responds with the current KEM key, without a session, if the client names none or one that is unknown. */
  async openHandshake(tx: Transaction, body: Body): Promise<Handshake> {
    if (body.kid === undefined) return this.#introduce(tx);
    const kid = fromBase64Url(body.kid);
    if (kid?.length !== HASH_LENGTH) throw new Problem('handshake_refused', { detail: 'Invalid kid.' });
    const keyPair = await this.#kemKeys.find(tx, kid);
    if (!keyPair) return this.#introduce(tx);
    const greeting = { idle: this.#idleTimeoutMs, now: this.#clock(), features: this.#features };
    return respondToHandshake(keyPair, kid, body, greeting);
  }

  sessionIdOf(sessionKey: string): Uint8Array | undefined {
    const parts = parseSessionKey(sessionKey);
    return parts && rowIdOf(Buffer.from(parts.sessionId, 'base64url'));
  }

  identify(request: WireRequest): readonly Uint8Array[] {
    return [bindingOf(request), payloadOf(request)];
  }

  decrypt(root: Uint8Array, request: WireRequest): Pick<DecryptedRequest, 'fields' | 'seal'> {
    const binding = bindingOf(request);
    const payload = payloadOf(request);
    const plaintext = openAead(expand(root, labels.requestKey), payload, binding);
    if (!plaintext) throw malformed('The request cannot be decrypted with the key of this step.');
    const content = decodeContent(plaintext, KEM_PUBLIC_KEY_LENGTH);
    const step = { root, requestHash: sha256(binding, payload), sessionKey: request.sessionKey };
    return {
      fields: content ? readFields(content.json, request) : malformed('The content is not flags and a JSON object.'),
      seal: (response, keyEstablishment) => {
        const rekey = keyEstablishment ? { ciphertext: keyEstablishment } : startRekey(content?.keyEstablishment);
        return sealResponse(step, response, rekey);
      },
    };
  }

  async #introduce(tx: Transaction): Promise<Handshake> {
    return { response: wireResponse(200, introductionOf(await this.#kemKeys.current(tx))) };
  }
}

interface Step {
  readonly root: Uint8Array;
  readonly requestHash: Uint8Array;
  readonly sessionKey: string;
}

interface Rekey {
  /** Missing if the response is regenerated: the next step is stored already. */
  readonly sharedSecret?: Uint8Array;
  readonly ciphertext: Uint8Array;
}

function sealResponse(
  { root, requestHash, sessionKey }: Step,
  response: ResponseFields | Problem,
  rekey: Rekey | undefined,
): NextStep {
  const problem = response instanceof Problem ? problemDetails(response) : undefined;
  const status = problem?.status ?? 200;
  const content = encodeContent(rekey?.ciphertext, problem ?? response);
  const payload = sealAead(expand(root, labels.responseKey, requestHash), content, responseContext(status));
  const nextRoot = expand(root, labels.nextRoot, requestHash);
  const { sessionId, step } = partsOf(sessionKey);
  return {
    keys: {
      sessionKey: formatSessionKey(sessionId, step + 1),
      secret: rekey?.sharedSecret ? extract(nextRoot, rekey.sharedSecret) : nextRoot,
    },
    response: wireResponse(status, { payload: toBase64Url(payload) }),
    ...(rekey && { keyEstablishment: rekey.ciphertext }),
  };
}

/** An invalid public key is ignored, as the flags of the response show: the chain continues without a rekey. */
function startRekey(publicKey: Uint8Array | undefined): Rekey | undefined {
  return publicKey && xwingEncapsulate(publicKey);
}

function readFields(json: Record<string, unknown>, { endpoint }: WireRequest): Record<string, string> | Problem {
  const required = [...Object.keys(endpoint.fields), ...(endpoint.pathField ? [endpoint.pathField] : [])];
  const optional = Object.keys(endpoint.suite2Fields ?? {}).filter((name) => Object.hasOwn(json, name));
  const fields: Record<string, string> = {};
  for (const name of [...required, ...optional]) {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (typeof value !== 'string') return malformed(`The field ${name} is missing or not a string.`);
    // JSON can express lone surrogates, which UTF-8 would silently replace. No user has such a name.
    if (name !== endpoint.pathField && !value.isWellFormed())
      return malformed(`The field ${name} is not valid Unicode.`);
    fields[name] = value;
  }
  for (const name of Object.keys(endpoint.suite2Fields ?? {})) {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (value === undefined) continue;
    if (typeof value !== 'string') return malformed(`The field ${name} is not a string.`);
    fields[name] = value;
  }
  return fields;
}

function bindingOf({ endpoint, sessionKey }: WireRequest): Uint8Array {
  return requestContext('POST', pathWithoutName(endpoint), sessionKey);
}

function payloadOf({ body }: WireRequest): Uint8Array {
  const payload = fromBase64Url(body.payload);
  if (!payload) throw malformed('The field payload is missing or not base64url.');
  return payload;
}

function partsOf(sessionKey: string) {
  const parts = parseSessionKey(sessionKey);
  if (!parts) throw new Error('a step of suite 2 has an invalid session key');
  return parts;
}

function malformed(detail: string): Problem {
  return new Problem('malformed_request', { detail });
}
