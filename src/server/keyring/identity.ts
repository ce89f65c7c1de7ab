// The identity of the server: an Ed25519 key that clients pin.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { openAead, sealAead } from '../crypto/aead.ts';
import { findIdentity, insertIdentity, lockIdentityKeys } from '../store/identityKeys.ts';
import type { Store } from '../store/store.ts';
import type { MasterKey } from './masterKey.ts';

/** Signing key of the server, which clients pin. */
export class Identity {
  /** Ed25519, 32 bytes. In base64url it is the server's fingerprint. */
  readonly publicKey: Uint8Array;
  readonly #privateKey: KeyObject;

  constructor(privateKey: KeyObject) {
    this.publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'raw-public' }));
    this.#privateKey = privateKey;
  }

  /** Returns an Ed25519 signature (RFC 8032), 64 bytes. */
  sign(message: Uint8Array): Uint8Array {
    return sign(null, message, this.#privateKey);
  }
}

/**
 * Reads an Ed25519 private key in the format of OpenSSL (`openssl genpkey -algorithm ed25519`).
 *
 * @param pem PKCS#8
 * @throws Error if it is not an Ed25519 private key; the message continues the name of the setting
 */
export function readIdentityKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The message of the parser could quote the key.
    throw new Error('is not a private key in PEM');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`is a key for ${key.asymmetricKeyType}, not for Ed25519`);
  return key;
}

/**
 * Returns the identity of the server: the configured key or the one in the database, which is created if it does not
 * exist.
 *
 * @throws Error if the stored key does not open: the database was altered or damaged
 */
export async function loadIdentity(
  store: Store,
  masterKey: MasterKey,
  given: KeyObject | undefined,
  now: number,
): Promise<Identity> {
  if (given) return new Identity(given);
  const sealingKey = masterKey.derive('vws identity');
  return store.transaction(async (tx) => {
    await lockIdentityKeys(tx);
    const stored = await findIdentity(tx);
    if (stored) return new Identity(unseal(sealingKey, stored.identity, stored.sealed_key));
    const { privateKey } = generateKeyPairSync('ed25519');
    const identity = new Identity(privateKey);
    const sealed = sealAead(sealingKey, privateKey.export({ format: 'raw-private' }), identity.publicKey);
    await insertIdentity(tx, { identity: identity.publicKey, sealed_key: sealed, created_at: now });
    return identity;
  });
}

/** Returns the fingerprint that users compare and clients pin: the public key in base64url, 43 characters. */
export function fingerprintOf({ publicKey }: Pick<Identity, 'publicKey'>): string {
  return Buffer.from(publicKey).toString('base64url');
}

function unseal(sealingKey: Uint8Array, publicKey: Uint8Array, sealed: Uint8Array): KeyObject {
  const key = openAead(sealingKey, sealed, publicKey);
  if (!key) throw new Error('the server’s identity does not open: the database was altered or damaged');
  return createPrivateKey({ key: Buffer.from(key), format: 'raw-private', asymmetricKeyType: 'ed25519' });
}
