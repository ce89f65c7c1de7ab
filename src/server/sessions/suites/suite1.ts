// Suite 1: the RSA and AES-ECB protocol of existing clients.
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
} from 'node:crypto';
import { Problem, problems } from '../../../protocol/problems.ts';
import { SESSION_KEY_ALPHABET, SESSION_KEY_LENGTH } from '../../../protocol/suite1.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { NextStep, ResponseFields, Suite } from './suite.ts';

/*
 * The secret of a step is an AES-256 key, transferred as 64 lower-case hex characters. A sealed field is
 *
 *   base64 ( AES-256-ECB with PKCS#7 padding ( UTF-8 text ) )
 *
 * This hides a field from a passive eavesdropper, but authenticates nothing: HTTPS has to.
 */
const CIPHER = 'aes-256-ecb';
const AES_KEY_LENGTH = 32;
const SESSION_ID_LENGTH = 16;
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 4096;
/** A larger exponent makes each encryption slow; 65537 is the usual one. */
const MAX_RSA_EXPONENT = 2n ** 32n;
/** The PEM of RSA 4096 has about 800 bytes. */
const MAX_PUBLIC_KEY_HEX_LENGTH = 8192;
/** Idle timeout of a session before its first request. The desktop client opens a session before its user types a password. */
export const SUITE1_UNUSED_TIMEOUT_MS = 10 * 60 * 1000;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PUBLIC_KEY_PEM = /^\s*-----BEGIN (RSA )?PUBLIC KEY-----\s[A-Za-z0-9+/=\s]+-----END \1?PUBLIC KEY-----\s*$/;

export const suite1: Suite = {
  number: 1,
  allowsAnotherRequest: true,
  unusedTimeoutMs: SUITE1_UNUSED_TIMEOUT_MS,

  async openHandshake(_transaction, body) {
    const publicKey = readPublicKey(body.public_key);
    if (!publicKey) throw new Problem('handshake_refused');
    const secret = randomBytes(AES_KEY_LENGTH);
    const sessionKey = randomSessionKey();
    const ciphertext = encryptKey(publicKey, secret.toString('hex'));
    return {
      session: { id: randomBytes(SESSION_ID_LENGTH), keys: { sessionKey, secret } },
      response: {
        status: 200,
        body: JSON.stringify({ ciphertext: ciphertext.toString('hex'), session_key: seal(secret, sessionKey) }),
      },
    };
  },

  sessionIdOf: () => undefined,

  identify: ({ bytes }) => bytes,

  decrypt(secret, { endpoint, body }) {
    const fields: Record<string, string> = {};
    for (const name of Object.keys(endpoint.fields)) {
      const sealed = Object.hasOwn(body, name) ? body[name] : undefined;
      if (typeof sealed !== 'string') throw malformed(`The field ${name} is missing or not a string.`);
      const text = open(secret, sealed);
      if (text === undefined) throw malformed(`The field ${name} cannot be decrypted with the key of this session.`);
      fields[name] = text;
    }
    return { fields, seal: (content) => sealResponse(secret, content) };
  },
};

function sealResponse(secret: Uint8Array, content: ResponseFields | Problem): NextStep {
  const next = { sessionKey: randomSessionKey(), secret: randomBytes(AES_KEY_LENGTH) };
  const { status, fields } = content instanceof Problem ? formOf(content) : sealFields(next.secret, content);
  return {
    keys: next,
    response: {
      status,
      body: JSON.stringify({
        ciphertext: seal(secret, next.secret.toString('hex')),
        session_key: seal(next.secret, next.sessionKey),
        ...fields,
      }),
    },
  };
}

interface ResponseContent {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
}

function sealFields(secret: Uint8Array, fields: ResponseFields): ResponseContent {
  const sealed = Object.entries(fields).map(([name, value]) => [
    name,
    seal(secret, typeof value === 'string' ? value : JSON.stringify(value)),
  ]);
  return { status: 200, fields: Object.fromEntries(sealed) };
}

function formOf({ code }: Problem): ResponseContent {
  const form = problems[code].suite1;
  if (form.kind !== 'response') throw new Error(`suite 1 has no response with keys for ${code}`);
  return { status: form.status, fields: { error: form.sentence } };
}

/**
 * Seals a text.
 *
 * @param key 32 bytes
 */
export function seal(key: Uint8Array, text: string): string {
  const cipher = createCipheriv(CIPHER, key, null);
  return Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]).toString('base64');
}

/**
 * Opens a sealed field.
 *
 * @param key 32 bytes
 * @returns undefined if the text is malformed or sealed under another key
 */
export function open(key: Uint8Array, sealed: string): string | undefined {
  const ciphertext = decodeBase64(sealed);
  if (!ciphertext) return undefined;
  const decipher = createDecipheriv(CIPHER, key, null);
  try {
    return UTF8.decode(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
  } catch {
    return undefined;
  }
}

/** @returns undefined if the text is not base64 with padding; white space, which some encoders add, is ignored */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  // Canonical base64 encodes back to the same text, which is faster to check than each character.
  if (text.length > 0 && bytes.toString('base64') === text) return bytes;
  const compact = text.replace(/\s+/g, '');
  return compact.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(compact)
    ? Buffer.from(compact, 'base64')
    : undefined;
}

function randomSessionKey(): string {
  const size = SESSION_KEY_ALPHABET.length;
  // Bytes past the last multiple of the alphabet's length would favor its first characters.
  const limit = 256 - (256 % size);
  const key = Buffer.alloc(SESSION_KEY_LENGTH);
  for (let length = 0; length < SESSION_KEY_LENGTH; ) {
    for (const byte of randomBytes(SESSION_KEY_LENGTH - length)) {
      if (byte < limit) key[length++] = SESSION_KEY_ALPHABET.charCodeAt(byte % size);
    }
  }
  return key.toString('latin1');
}

/** @throws Problem `handshake_refused` if the key cannot encrypt: not every number is a valid modulus */
function encryptKey(publicKey: KeyObject, aesKey: string): Buffer {
  const padding = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  try {
    return publicEncrypt(padding, Buffer.from(aesKey, 'ascii'));
  } catch {
    throw new Problem('handshake_refused');
  }
}

/**
 * Reads the hex of a PEM text.
 *
 * @returns undefined if it is not an RSA public key of an acceptable size
 */
function readPublicKey(hex: unknown): KeyObject | undefined {
  if (typeof hex !== 'string' || hex.length > MAX_PUBLIC_KEY_HEX_LENGTH) return undefined;
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
  const pem = Buffer.from(hex, 'hex').toString('latin1');
  if (!PUBLIC_KEY_PEM.test(pem)) return undefined;
  try {
    const key = createPublicKey(pem);
    return isAcceptable(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

function isAcceptable(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  return (
    key.asymmetricKeyType === 'rsa' &&
    modulusLength >= MIN_RSA_BITS &&
    modulusLength <= MAX_RSA_BITS &&
    publicExponent >= 3n &&
    publicExponent <= MAX_RSA_EXPONENT
  );
}

function malformed(detail: string): Problem {
  return new Problem('malformed_request', { detail });
}
