// The KEM X-Wing.
import {
  type AsymmetricKeyType,
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate as decapsulateKem,
  diffieHellman,
  encapsulate as encapsulateKem,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';

/*
 * X-Wing (draft-connolly-cfrg-xwing-kem) combines ML-KEM-768 and X25519, and is secure if one of the two is.
 *
 *   public key = ML-KEM-768 public key (1184) ‖ X25519 public key (32)
 *   ciphertext = ML-KEM-768 ciphertext (1088) ‖ X25519 ephemeral public key (32)
 *   seed (32) → SHAKE-256, 96 bytes = ML-KEM seed (64) ‖ X25519 private key (32)
 *   shared secret = SHA3-256(ML-KEM secret ‖ X25519 secret ‖ X25519 of the ciphertext ‖ X25519 of the key ‖ label)
 */
const ML_KEM = 'ml-kem-768';
const ML_KEM_PUBLIC_KEY_LENGTH = 1184;
const ML_KEM_CIPHERTEXT_LENGTH = 1088;
const ML_KEM_SEED_LENGTH = 64;
const X25519_LENGTH = 32;
export const XWING_SEED_LENGTH = 32;
export const XWING_PUBLIC_KEY_LENGTH = ML_KEM_PUBLIC_KEY_LENGTH + X25519_LENGTH;
export const XWING_CIPHERTEXT_LENGTH = ML_KEM_CIPHERTEXT_LENGTH + X25519_LENGTH;
/** The label that the draft defines: an X-wing fighter in ASCII. */
const LABEL = Buffer.from('\\.//^\\', 'ascii');

export interface XWingKeyPair {
  /** 1216 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly mlKem: KeyObject;
  readonly x25519: KeyObject;
}

interface Encapsulation {
  /** 32 bytes. */
  readonly sharedSecret: Uint8Array;
  /** 1120 bytes. */
  readonly ciphertext: Uint8Array<ArrayBuffer>;
}

/**
 * Derives a key pair.
 *
 * @param seed 32 random bytes, from which the key pair can be derived again
 */
export function xwingKeyPair(seed: Uint8Array): XWingKeyPair {
  const expanded = createHash('shake256', { outputLength: ML_KEM_SEED_LENGTH + X25519_LENGTH })
    .update(seed)
    .digest();
  const mlKem = createPrivateKey({
    key: expanded.subarray(0, ML_KEM_SEED_LENGTH),
    format: 'raw-seed',
    asymmetricKeyType: ML_KEM,
  });
  const x25519 = createPrivateKey({
    key: expanded.subarray(ML_KEM_SEED_LENGTH),
    format: 'raw-private',
    asymmetricKeyType: 'x25519',
  });
  return { publicKey: Buffer.concat([rawPublicKey(mlKem), rawPublicKey(x25519)]), mlKem, x25519 };
}

/** @returns undefined if the public key is invalid */
export function xwingEncapsulate(publicKey: Uint8Array): Encapsulation | undefined {
  if (publicKey.length !== XWING_PUBLIC_KEY_LENGTH) return undefined;
  const x25519Key = publicKey.subarray(ML_KEM_PUBLIC_KEY_LENGTH);
  try {
    const mlKem = encapsulateKem(importPublicKey(publicKey.subarray(0, ML_KEM_PUBLIC_KEY_LENGTH), ML_KEM));
    const ephemeral = generateKeyPairSync('x25519');
    const ephemeralKey = rawPublicKey(ephemeral.publicKey);
    // Throws for a key of small order, whose shared secret would be public.
    const x25519Secret = diffieHellman({
      privateKey: ephemeral.privateKey,
      publicKey: importPublicKey(x25519Key, 'x25519'),
    });
    return {
      sharedSecret: combine(mlKem.sharedKey, x25519Secret, ephemeralKey, x25519Key),
      ciphertext: Buffer.concat([mlKem.ciphertext, ephemeralKey]),
    };
  } catch {
    return undefined;
  }
}

/** @returns the shared secret, 32 bytes; undefined if the ciphertext is invalid */
export function xwingDecapsulate(keyPair: XWingKeyPair, ciphertext: Uint8Array): Uint8Array | undefined {
  if (ciphertext.length !== XWING_CIPHERTEXT_LENGTH) return undefined;
  const ephemeralKey = ciphertext.subarray(ML_KEM_CIPHERTEXT_LENGTH);
  const x25519Key = keyPair.publicKey.subarray(ML_KEM_PUBLIC_KEY_LENGTH);
  try {
    const mlKemSecret = decapsulateKem(keyPair.mlKem, ciphertext.subarray(0, ML_KEM_CIPHERTEXT_LENGTH));
    const x25519Secret = diffieHellman({
      privateKey: keyPair.x25519,
      publicKey: importPublicKey(ephemeralKey, 'x25519'),
    });
    return combine(mlKemSecret, x25519Secret, ephemeralKey, x25519Key);
  } catch {
    return undefined;
  }
}

function combine(
  mlKemSecret: Uint8Array,
  x25519Secret: Uint8Array,
  ephemeralKey: Uint8Array,
  x25519Key: Uint8Array,
): Uint8Array {
  const hash = createHash('sha3-256');
  for (const part of [mlKemSecret, x25519Secret, ephemeralKey, x25519Key, LABEL]) hash.update(part);
  return hash.digest();
}

function rawPublicKey(key: KeyObject): Buffer<ArrayBuffer> {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ format: 'raw-public' }) as Buffer<ArrayBuffer>;
}

function importPublicKey(key: Uint8Array, asymmetricKeyType: AsymmetricKeyType): KeyObject {
  return createPublicKey({ key: Buffer.from(key), format: 'raw-public', asymmetricKeyType });
}
