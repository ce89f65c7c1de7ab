// X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519 combined to one KEM.
import { sha3_256 } from '@noble/hashes/sha3.js';
import type { Bytes } from '../../protocol/bytes.ts';
import { concatBytes } from '../../protocol/suite2.ts';
import { getMlKem } from './findMlKem.ts';

/*
 *   public key = ML-KEM public key (1184) ‖ X25519 public key (32)
 *   ciphertext = ML-KEM ciphertext (1088) ‖ ephemeral X25519 public key (32)
 *   secret key = ML-KEM seed (64) ‖ X25519 private key (32) ‖ X25519 public key (32)
 *
 * The format of the secret key is not that of the draft, whose 32 bytes, from which both keys are derived, would need SHAKE
 * and a seeded X25519. Secret keys never leave the client.
 */
const ML_KEM_PUBLIC_KEY = 1184;
const ML_KEM_CIPHERTEXT = 1088;
const ML_KEM_SEED = 64;
const LABEL = '\\.//^\\';

/** PrivateKeyInfo of an X25519 key up to its 32 bytes (RFC 8410), because WebCrypto cannot import raw private keys. */
const PKCS8_HEAD = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20);
const X25519 = { name: 'X25519' } as const;

interface KemKeyPair {
  readonly secretKey: Bytes;
  readonly publicKey: Bytes;
}

export async function generateKeyPair(): Promise<KemKeyPair> {
  const { seed, publicKey } = await (await getMlKem()).generate();
  const x = await generateX25519();
  return {
    secretKey: concatBytes(seed, x.privateKey, x.publicKey),
    publicKey: concatBytes(publicKey, x.publicKey),
  };
}

/**
 * Creates a shared secret for the owner of a public key.
 *
 * @param publicKey 1216 bytes
 */
export async function encapsulate(publicKey: Uint8Array): Promise<{ ciphertext: Bytes; sharedSecret: Bytes }> {
  const bytes = concatBytes(publicKey);
  const peer = bytes.subarray(ML_KEM_PUBLIC_KEY);
  const m = await (await getMlKem()).encapsulate(bytes.slice(0, ML_KEM_PUBLIC_KEY));
  const x = await generateX25519();
  const agreed = await agree(x.privateKey, peer);
  return {
    ciphertext: concatBytes(m.ciphertext, x.publicKey),
    sharedSecret: combine(m.sharedSecret, agreed, x.publicKey, peer),
  };
}

/**
 * Recovers the shared secret.
 *
 * @param secretKey of {@link generateKeyPair}
 * @param ciphertext 1120 bytes
 * @returns 32 bytes
 */
export async function decapsulate(secretKey: Uint8Array, ciphertext: Uint8Array): Promise<Bytes> {
  const secret = concatBytes(secretKey);
  const bytes = concatBytes(ciphertext);
  const ephemeral = bytes.subarray(ML_KEM_CIPHERTEXT);
  const publicKey = secret.subarray(ML_KEM_SEED + 32);
  const m = await (await getMlKem()).decapsulate(secret.slice(0, ML_KEM_SEED), bytes.slice(0, ML_KEM_CIPHERTEXT));
  const agreed = await agree(secret.subarray(ML_KEM_SEED, ML_KEM_SEED + 32), ephemeral);
  return combine(m, agreed, ephemeral, publicKey);
}

function combine(...[m, agreed, ephemeral, publicKey]: [Bytes, Bytes, Bytes, Bytes]): Bytes {
  return sha3_256(concatBytes(m, agreed, ephemeral, publicKey, LABEL)) as Bytes;
}

async function generateX25519(): Promise<{ privateKey: Bytes; publicKey: Bytes }> {
  const { subtle } = globalThis.crypto;
  const pair = (await subtle.generateKey(X25519, true, ['deriveBits'])) as {
    privateKey: CryptoKey;
    publicKey: CryptoKey;
  };
  return {
    privateKey: new Uint8Array(await subtle.exportKey('pkcs8', pair.privateKey)).slice(PKCS8_HEAD.length),
    publicKey: new Uint8Array(await subtle.exportKey('raw', pair.publicKey)),
  };
}

async function agree(privateKey: Bytes, publicKey: Bytes): Promise<Bytes> {
  const { subtle } = globalThis.crypto;
  const own = await subtle.importKey('pkcs8', concatBytes(PKCS8_HEAD, privateKey), X25519, false, ['deriveBits']);
  const peer = await subtle.importKey('raw', publicKey, X25519, false, []);
  return new Uint8Array(await subtle.deriveBits({ ...X25519, public: peer }, own, 256));
}
