// The byte layouts of suite 2, without cryptography: the server and the SDK each have their own.

/*
 * All integers are big-endian, labels are ASCII, `00` is one zero byte. docs/protocol.md specifies their use.
 */

export const SUITE2 = 2;
export const KEM_SEED_LENGTH = 32;
export const KEM_PUBLIC_KEY_LENGTH = 1216;
export const KEM_CIPHERTEXT_LENGTH = 1120;
/** Length of an Ed25519 public key: the server's identity, which is its own fingerprint. */
export const IDENTITY_LENGTH = 32;
export const SIGNATURE_LENGTH = 64;
export const HASH_LENGTH = 32;
export const SESSION_ID_LENGTH = 32;
/** JSON is padded with spaces to a multiple of this, so that sizes reveal less. */
export const PADDING_BLOCK = 64;

export const labels = {
  descriptorSignature: 'vws2 descriptor ',
  firstMessage: 'vws2 m1 ',
  secondMessage: 'vws2 m2 ',
  pskId: 'vws2 m1',
  psk: 'vws2 psk',
  sessionId: 'vws2 sid',
  root: 'vws2 root',
  requestKey: 'vws2 req',
  responseKey: 'vws2 res ',
  nextRoot: 'vws2 next ',
} as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Concatenates bytes and the UTF-8 of texts. */
export function concatBytes(...parts: readonly (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  const bytes = parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part));
  const joined = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of bytes) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** The server's KEM key, in the form that its identity signs. */
export interface Descriptor {
  /** Start of the key's validity, in milliseconds since 1970. */
  readonly notBefore: number;
  /** End of the key's validity, in milliseconds since 1970. */
  readonly notAfter: number;
  readonly publicKey: Uint8Array;
}

/** A KEM key as the server publishes it. */
export interface SignedDescriptor {
  /** Ed25519 public key of the server: 32 bytes. */
  readonly identity: Uint8Array;
  readonly descriptor: Uint8Array;
  readonly signature: Uint8Array;
}

/*
 * 0x02 ‖ not before (8, milliseconds) ‖ not after (8, milliseconds) ‖ X-Wing public key (1216)
 */
export const DESCRIPTOR_LENGTH = 1 + 8 + 8 + KEM_PUBLIC_KEY_LENGTH;

export function encodeDescriptor({ notBefore, notAfter, publicKey }: Descriptor): Uint8Array<ArrayBuffer> {
  const head = new DataView(new ArrayBuffer(17));
  head.setUint8(0, SUITE2);
  head.setBigUint64(1, BigInt(notBefore));
  head.setBigUint64(9, BigInt(notAfter));
  return concatBytes(new Uint8Array(head.buffer), publicKey);
}

/** @returns undefined if the bytes are not a descriptor */
export function decodeDescriptor(bytes: Uint8Array): Descriptor | undefined {
  if (bytes.length !== DESCRIPTOR_LENGTH || bytes[0] !== SUITE2) return undefined;
  const head = new DataView(bytes.buffer, bytes.byteOffset, 17);
  return {
    notBefore: Number(head.getBigUint64(1)),
    notAfter: Number(head.getBigUint64(9)),
    publicKey: bytes.subarray(17),
  };
}

/** Returns the bytes that the identity signs: "vws2 descriptor " ‖ descriptor. */
export function descriptorToSign(descriptor: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(labels.descriptorSignature, descriptor);
}

/**
 * Returns the bytes whose SHA-256 is the kid: identity (32) ‖ descriptor. The kid is part of the handshake's transcript, so
 * that both sides agree on who signed the key.
 */
export function keyIdInput(identity: Uint8Array, descriptor: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(identity, descriptor);
}

/** Returns HPKE's info of the first message: "vws2 m1 " ‖ kid. */
export function firstMessageInfo(kid: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(labels.firstMessage, kid);
}

/**
 * Returns HPKE's info of the second message: "vws2 m2 " ‖ H, where H = SHA-256(info of the first ‖ client's public key ‖ first
 * message).
 */
export function secondMessageInfo(transcriptHash: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(labels.secondMessage, transcriptHash);
}

/** Returns the name of a step on the wire: "2." ‖ base64url(session id) ‖ "." ‖ step in decimal. */
export function formatSessionKey(sessionId: string, step: number): string {
  return `2.${sessionId}.${step}`;
}

/** The parts of a session key. */
export interface SessionKeyParts {
  /** Base64url of 32 bytes. */
  readonly sessionId: string;
  readonly step: number;
}

const SESSION_KEY = /^2\.([A-Za-z0-9_-]{43})\.(0|[1-9][0-9]{0,14})$/;

/** @returns undefined if the text is not a session key of suite 2 */
export function parseSessionKey(sessionKey: string): SessionKeyParts | undefined {
  const [, sessionId, step] = SESSION_KEY.exec(sessionKey) ?? [];
  return sessionId === undefined ? undefined : { sessionId, step: Number(step) };
}

/** Returns the bytes that a sealed request is bound to: "vws2 req" 00 method 00 path 00 session key 00. */
export function requestContext(method: string, path: string, sessionKey: string): Uint8Array<ArrayBuffer> {
  return concatBytes(`vws2 req\0${method}\0${path}\0${sessionKey}\0`);
}

/** Returns the bytes that a sealed response is bound to, in addition to its request: "vws2 res" 00 status in decimal 00. */
export function responseContext(status: number): Uint8Array<ArrayBuffer> {
  return concatBytes(`vws2 res\0${status}\0`);
}

/*
 * The content of a request and of a response:
 *
 *   flags (1) ‖ [if flags & 1: key establishment] ‖ JSON object, padded with spaces to a multiple of 64 bytes
 *
 * In a request the key establishment is a fresh X-Wing public key (1216), in a response the KEM ciphertext (1120). The
 * other flags are zero.
 */
const KEM_FLAG = 1;

/** Returns the padded JSON of an object. */
export function encodePaddedJson(value: object): Uint8Array<ArrayBuffer> {
  const json = encoder.encode(JSON.stringify(value));
  const padded = new Uint8Array(Math.ceil(json.length / PADDING_BLOCK) * PADDING_BLOCK).fill(0x20);
  padded.set(json);
  return padded;
}

/** @returns undefined if the bytes are not the UTF-8 of a JSON object */
export function decodePaddedJson(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

export function encodeContent(keyEstablishment: Uint8Array | undefined, json: object): Uint8Array<ArrayBuffer> {
  const flags = Uint8Array.of(keyEstablishment ? KEM_FLAG : 0);
  return concatBytes(flags, keyEstablishment ?? new Uint8Array(), encodePaddedJson(json));
}

/** The parts of the content of a request or a response. */
export interface Content {
  readonly keyEstablishment: Uint8Array | undefined;
  readonly json: Record<string, unknown>;
}

/**
 * Decodes the content of a request or a response.
 *
 * @param keyEstablishmentLength length of the key establishment in bytes, if the flags announce one
 * @returns undefined if the bytes are malformed
 */
export function decodeContent(bytes: Uint8Array, keyEstablishmentLength: number): Content | undefined {
  const flags = bytes[0];
  if (flags === undefined || (flags & ~KEM_FLAG) !== 0) return undefined;
  const end = 1 + (flags & KEM_FLAG ? keyEstablishmentLength : 0);
  if (bytes.length < end) return undefined;
  const json = decodePaddedJson(bytes.subarray(end));
  return json && { keyEstablishment: flags & KEM_FLAG ? bytes.subarray(1, end) : undefined, json };
}

/** @returns whether a request, by its unencrypted fields, is one of suite 2 */
export function speaksSuite2({
  suite,
  session_key,
}: {
  readonly suite?: unknown;
  readonly session_key?: unknown;
}): boolean {
  return suite === SUITE2 || (typeof session_key === 'string' && session_key.startsWith('2.'));
}
