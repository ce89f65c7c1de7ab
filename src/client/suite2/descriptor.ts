// Verifies the descriptor: the server's signed KEM key.
import { type Bytes, fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import { type Descriptor, decodeDescriptor, descriptorToSign, IDENTITY_LENGTH } from '../../protocol/suite2.ts';
import { VwsError } from '../error.ts';
import type { HandshakeContext } from '../suite.ts';

/** Tolerance for the clock of this device: a day, because many clocks are wrong by a time zone. */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

const ED25519 = { name: 'Ed25519' } as const;

/** The server's KEM key after verification. */
export interface TrustedDescriptor {
  readonly fingerprint: string;
  readonly bytes: Bytes;
}

/** Returns true if the key is valid at this time, within the tolerance. */
export function isCurrent({ notBefore, notAfter }: Descriptor, now: number): boolean {
  return notBefore - CLOCK_TOLERANCE_MS <= now && now <= notAfter + CLOCK_TOLERANCE_MS;
}

/**
 * Verifies the server's key: its identity is pinned, or trusted by the user; it is signed by the identity; it is valid now.
 *
 * @throws {VwsError} `identity_changed`, `identity_refused` or `descriptor_invalid`
 */
export async function checkDescriptor(
  response: Readonly<Record<string, unknown>>,
  context: Pick<HandshakeContext, 'now' | 'pin' | 'trust'>,
): Promise<TrustedDescriptor> {
  const identity = fromBase64Url(response.identity, IDENTITY_LENGTH);
  const bytes = fromBase64Url(response.descriptor);
  const signature = fromBase64Url(response.signature);
  const descriptor = bytes && decodeDescriptor(bytes);
  if (!identity || !bytes || !signature || !descriptor) throw invalid('The server’s key is malformed.');

  const fingerprint = toBase64Url(identity);
  if (context.pin !== undefined && context.pin !== fingerprint) {
    const message = `The server’s fingerprint is ${fingerprint}, not the pinned one.`;
    throw new VwsError('identity_changed', message, { fingerprint });
  }
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey('raw', identity, ED25519, false, ['verify']);
  if (!(await subtle.verify(ED25519, key, signature, descriptorToSign(bytes)))) {
    throw invalid('The server’s key is not signed by its identity.');
  }
  if (!isCurrent(descriptor, context.now())) {
    throw invalid('The server’s key is not valid at this time. Check the clock of this device.');
  }
  if (context.pin === undefined) await context.trust(fingerprint);
  return { fingerprint, bytes };
}

function invalid(message: string): VwsError {
  return new VwsError('descriptor_invalid', message);
}
