// The handshake of suite 2.
import { type Bytes, fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import type { HANDSHAKE_PATH } from '../../protocol/endpoints.ts';
import {
  concatBytes,
  decodeDescriptor,
  decodePaddedJson,
  encodePaddedJson,
  firstMessageInfo,
  KEM_CIPHERTEXT_LENGTH,
  labels,
  SUITE2,
  secondMessageInfo,
} from '../../protocol/suite2.ts';
import { VwsError } from '../error.ts';
import { isObject } from '../json.ts';
import { type HandshakeContext, NoResponseError, type Reply } from '../suite.ts';
import { throwUnauthenticated } from '../unauthenticatedReply.ts';
import { checkDescriptor, isCurrent, type TrustedDescriptor } from './descriptor.ts';
import { createHpkeContext } from './hpke.ts';
import { sha256 } from './primitives.ts';
import { decapsulate, encapsulate, generateKeyPair } from './xwing.ts';

/** The keys that both sides have after a handshake. */
interface HandshakeResult {
  readonly descriptor: TrustedDescriptor;
  readonly sessionId: Bytes;
  readonly root: Bytes;
  readonly features: readonly string[];
}

/** Repeated here, so that the table of endpoints with its descriptions is not part of browser bundles. */
const PATH: typeof HANDSHAKE_PATH = '/create_session_key';

/**
 * Opens a session with an authenticated server.
 *
 * @param cached the server's key from an earlier handshake
 * @throws {NoResponseError | VwsError}
 */
export async function performHandshake(
  context: HandshakeContext,
  cached?: TrustedDescriptor,
): Promise<HandshakeResult> {
  const descriptor = cached && isFresh(cached, context) ? cached : await askForDescriptor(context);
  const first = await sendFirstMessage(context, descriptor);
  if ('result' in first) return first.result;
  // The server has a new key.
  const pinned = { ...context, pin: descriptor.fingerprint };
  const second = await sendFirstMessage(context, await checkDescriptor(first.response, pinned));
  if ('result' in second) return second.result;
  throw new NoResponseError(badAnswer('The server rejects its own key.'));
}

function isFresh({ bytes }: TrustedDescriptor, context: HandshakeContext): boolean {
  const descriptor = decodeDescriptor(bytes);
  return descriptor !== undefined && isCurrent(descriptor, context.now());
}

async function askForDescriptor(context: HandshakeContext): Promise<TrustedDescriptor> {
  return checkDescriptor(readResponse(await context.post(PATH, { suite: SUITE2 })), context);
}

async function sendFirstMessage(
  context: HandshakeContext,
  descriptor: TrustedDescriptor,
): Promise<{ result: HandshakeResult } | { response: Record<string, unknown> }> {
  const kid = await sha256(fromBase64Url(descriptor.fingerprint) ?? new Uint8Array(), descriptor.bytes);
  const info = firstMessageInfo(kid);
  const own = await generateKeyPair();
  const { ciphertext, sharedSecret } = await encapsulate(serverKeyOf(descriptor));
  const sender = await createHpkeContext(sharedSecret, info);
  const sealed = await sender.seal(own.publicKey, encodePaddedJson({ now: context.now() }));
  const message = concatBytes(ciphertext, sealed);

  const body = {
    suite: SUITE2,
    kid: toBase64Url(kid),
    public_key: toBase64Url(own.publicKey),
    ciphertext: toBase64Url(message),
  };
  const response = readResponse(await context.post(PATH, body));
  if (response.descriptor !== undefined) return { response };

  const reply = fromBase64Url(response.ciphertext) ?? new Uint8Array();
  try {
    const received = await createHpkeContext(
      await decapsulate(own.secretKey, reply.subarray(0, KEM_CIPHERTEXT_LENGTH)),
      secondMessageInfo(await sha256(info, own.publicKey, message)),
      { secret: await sender.export(labels.psk), id: concatBytes(labels.pskId) },
    );
    const greeting = decodePaddedJson(await received.open(new Uint8Array(), reply.subarray(KEM_CIPHERTEXT_LENGTH)));
    const features = Array.isArray(greeting?.features) ? greeting.features : [];
    const sessionId = await received.export(labels.sessionId);
    return { result: { descriptor, sessionId, root: await received.export(labels.root), features } };
  } catch (cause) {
    throw new NoResponseError(badAnswer('The response to the handshake is not authentic.', cause));
  }
}

function serverKeyOf({ bytes }: TrustedDescriptor): Uint8Array {
  return decodeDescriptor(bytes)?.publicKey ?? new Uint8Array();
}

/** Distinguishes a response of suite 2 from an error, and from a server that supports only suite 1. */
function readResponse(reply: Reply): Record<string, unknown> {
  const { status, json } = reply;
  if (status === 200 && isObject(json) && json.suite === SUITE2) return json;
  const isSuite1 = json === 'Error!' || (status === 200 && isObject(json));
  if (isSuite1) throw new VwsError('downgrade_refused', 'The server does not support suite 2.', { status });
  return throwUnauthenticated(reply);
}

function badAnswer(message: string, cause?: unknown): VwsError {
  return new VwsError('bad_answer', message, { cause });
}
