// The format of token messages: lengths, labels, size classes and encodings, without cryptography.
import { fromBase64Url, toBase64Url } from './bytes.ts';

/*
 * The client generates a token T of 16 random bytes for each message and derives with HKDF-SHA-256 (RFC 5869), salt
 * "vws token 1":
 *
 *   locator = HKDF(T, info "vws token locator") (32)   by which the server finds the message
 *   key     = HKDF(T, info "vws token key") (32)       which the server never gets
 *   body    = AES-256-GCM(key, nonce = 12 zero bytes, aad "vws token body 1", padded) = ciphertext ‖ tag (16)
 *   padded  = type (1) ‖ length of the content (4, big-endian) ‖ content ‖ zeros up to the size class
 *
 * The zero nonce is safe because a key encrypts exactly one body.
 */
export const tokenLabels = {
  salt: 'vws token 1',
  locator: 'vws token locator',
  key: 'vws token key',
  body: 'vws token body 1',
  check: 'vws token check',
} as const;

export const TOKEN_LENGTH = 16;
export const LOCATOR_LENGTH = 32;
/** Bytes that a body adds to its content, without padding: type, length, tag. */
export const BODY_OVERHEAD = 1 + 4 + 16;
/** The type of a text in UTF-8; files may become another type. */
export const TEXT_TYPE = 1;
/**
 * A short ciphertext of suite 1: token (16) ‖ first two bytes of SHA-256("vws token check" ‖ token), in base64url 24
 * characters.
 */
export const SHORT_CIPHERTEXT_LENGTH = TOKEN_LENGTH + 2;

/** Envelopes of plain messages have at least this many bytes. */
const SHORTEST_ENVELOPE = 63;

const TAG_LENGTH = 16;
const HEADER_LENGTH = BODY_OVERHEAD - TAG_LENGTH;
const SMALLEST_CLASS = 256;
/** Above this, classes are its multiples; below, powers of two. */
const LARGE_CLASS_STEP = 65_536;

/** Returns the size class, in bytes, of a body that must hold at least `size` bytes. */
export function sizeClass(size: number): number {
  if (size > LARGE_CLASS_STEP) return Math.ceil(size / LARGE_CLASS_STEP) * LARGE_CLASS_STEP;
  let fitting = SMALLEST_CLASS;
  while (fitting < size) fitting *= 2;
  return fitting;
}

/** Returns the padded plaintext of a body. */
export function encodeBody(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(sizeClass(content.length + BODY_OVERHEAD) - TAG_LENGTH);
  padded[0] = TEXT_TYPE;
  new DataView(padded.buffer).setUint32(1, content.length);
  padded.set(content, HEADER_LENGTH);
  return padded;
}

/** @returns the content of a padded plaintext; undefined if it is of another type or malformed */
export function decodeBody(padded: Uint8Array): Uint8Array | undefined {
  if (padded.length < HEADER_LENGTH || padded[0] !== TEXT_TYPE) return undefined;
  const length = new DataView(padded.buffer, padded.byteOffset, padded.length).getUint32(1);
  const end = HEADER_LENGTH + length;
  return end <= padded.length ? padded.subarray(HEADER_LENGTH, end) : undefined;
}

/**
 * Decodes base64url of which there is only one spelling: unused bits of the last character are zero.
 *
 * @param length expected number of bytes
 * @returns undefined if the text is anything else
 */
export function fromCanonicalBase64Url(text: string, length?: number): Uint8Array<ArrayBuffer> | undefined {
  const bytes = fromBase64Url(text, length);
  return bytes && toBase64Url(bytes) === text ? bytes : undefined;
}

/** A token: 22 characters of base64url, or 16 bytes. */
export type Token = string | Uint8Array;

/** @returns the 16 bytes of a token; undefined if it is not in the only spelling */
export function decodeToken(token: Token): Uint8Array<ArrayBuffer> | undefined {
  if (typeof token === 'string') return fromCanonicalBase64Url(token, TOKEN_LENGTH);
  return token.length === TOKEN_LENGTH ? new Uint8Array(token) : undefined;
}

/** The content of a video or of a pasted text. */
export type Payload =
  | { readonly kind: 'token'; readonly token: string }
  /** A short ciphertext or an envelope. */
  | { readonly kind: 'message'; readonly message: string };

/**
 * Distinguishes payloads by their length. Whitespace in a text is ignored, because pasted lines are often wrapped.
 *
 * @returns undefined if the payload is damaged
 */
export function readPayload(payload: string | Uint8Array): Payload | undefined {
  const text = typeof payload === 'string' ? payload.replace(/\s+/g, '') : toBase64Url(payload);
  const length = fromBase64Url(text)?.length ?? 0;
  if (length === TOKEN_LENGTH) return decodeToken(text) && { kind: 'token', token: text };
  const isMessage = length === SHORT_CIPHERTEXT_LENGTH || length >= SHORTEST_ENVELOPE;
  return isMessage ? { kind: 'message', message: text } : undefined;
}

/** @returns the 32 bytes of a locator; undefined if the text is not its canonical encoding */
export function parseLocator(text: string): Uint8Array<ArrayBuffer> | undefined {
  return fromCanonicalBase64Url(text, LOCATOR_LENGTH);
}
