// X-Wing and HPKE for the tests' client of suite 2, written from draft-connolly-cfrg-xwing-kem and RFC 9180: it shares no
// code with the server, so that each checks the other.
import assert from 'node:assert/strict';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

const ML_KEM_KEY = 1184;
const ML_KEM_CIPHERTEXT = 1088;
const TAG = 16;

export interface XWingPair {
  readonly publicKey: Buffer;
  /** Returns the secret of a ciphertext for this key. */
  decapsulate(ciphertext: Buffer): Buffer;
}

const raw = (key: KeyObject) => key.export({ format: 'raw-public' });

function combine(mlKemSecret: Buffer, x25519Secret: Buffer, x25519Ciphertext: Buffer, x25519Key: Buffer): Buffer {
  const label = Buffer.from('5c2e2f2f5e5c', 'hex');
  return createHash('sha3-256')
    .update(Buffer.concat([mlKemSecret, x25519Secret, x25519Ciphertext, x25519Key, label]))
    .digest();
}

const publicKeyOf = (key: Buffer, asymmetricKeyType: 'ml-kem-768' | 'x25519') =>
  createPublicKey({ key: Buffer.from(key), format: 'raw-public', asymmetricKeyType });

/** A key pair from its seed of 32 bytes, or a new one. */
export function xwingPair(seed: Buffer = randomBytes(32)): XWingPair {
  const expanded = createHash('shake256', { outputLength: 96 }).update(seed).digest();
  const mlKem = createPrivateKey({
    key: expanded.subarray(0, 64),
    format: 'raw-seed',
    asymmetricKeyType: 'ml-kem-768',
  });
  const x25519 = createPrivateKey({ key: expanded.subarray(64), format: 'raw-private', asymmetricKeyType: 'x25519' });
  const x25519Key = raw(createPublicKey(x25519));
  return {
    publicKey: Buffer.concat([raw(createPublicKey(mlKem)), x25519Key]),
    decapsulate(ciphertext) {
      assert.equal(ciphertext.length, ML_KEM_CIPHERTEXT + 32);
      const theirs = ciphertext.subarray(ML_KEM_CIPHERTEXT);
      const shared = diffieHellman({ privateKey: x25519, publicKey: publicKeyOf(theirs, 'x25519') });
      return combine(decapsulate(mlKem, ciphertext.subarray(0, ML_KEM_CIPHERTEXT)), shared, theirs, x25519Key);
    },
  };
}

export function xwingEncapsulateFor(publicKey: Buffer): { secret: Buffer; ciphertext: Buffer } {
  const x25519Key = publicKey.subarray(ML_KEM_KEY);
  const inner = encapsulate(publicKeyOf(publicKey.subarray(0, ML_KEM_KEY), 'ml-kem-768'));
  const ephemeral = generateKeyPairSync('x25519');
  const shared = diffieHellman({
    privateKey: ephemeral.privateKey,
    publicKey: publicKeyOf(x25519Key, 'x25519'),
  });
  const theirs = raw(ephemeral.publicKey);
  return {
    secret: combine(inner.sharedKey, shared, theirs, x25519Key),
    ciphertext: Buffer.concat([inner.ciphertext, theirs]),
  };
}

const SUITE = Buffer.concat([Buffer.from('HPKE'), Buffer.from('647a00010002', 'hex')]);
const hmac = (key: Buffer, ...parts: Buffer[]) => createHmac('sha256', key).update(Buffer.concat(parts)).digest();
const labeledExtract = (salt: Buffer, label: string, material: Buffer) =>
  hmac(salt, Buffer.from('HPKE-v1'), SUITE, Buffer.from(label), material);
const labeledExpand = (secret: Buffer, label: string, info: Buffer, length: number) =>
  hmac(
    secret,
    Buffer.from([0, length]),
    Buffer.from('HPKE-v1'),
    SUITE,
    Buffer.from(label),
    info,
    Buffer.from([1]),
  ).subarray(0, length);

/** State of either side of HPKE after the setup, for one message and exports. */
export interface HpkeSide {
  seal(aad: Buffer, plaintext: Buffer): Buffer;
  /** @throws if it does not open */
  open(aad: Buffer, ciphertext: Buffer): Buffer;
  export(context: string): Buffer;
}

/** KeySchedule of RFC 9180 in base mode or, with a `psk`, in PSK mode. */
export function hpkeSide(sharedSecret: Buffer, info: Buffer, psk?: { secret: Buffer; id: Buffer }): HpkeSide {
  const none = Buffer.alloc(0);
  const context = Buffer.concat([
    Buffer.from([psk ? 1 : 0]),
    labeledExtract(none, 'psk_id_hash', psk?.id ?? none),
    labeledExtract(none, 'info_hash', info),
  ]);
  const secret = labeledExtract(sharedSecret, 'secret', psk?.secret ?? none);
  const key = labeledExpand(secret, 'key', context, 32);
  const nonce = labeledExpand(secret, 'base_nonce', context, 12);
  const exporter = labeledExpand(secret, 'exp', context, 32);
  return {
    seal(aad, plaintext) {
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
      return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    },
    open(aad, ciphertext) {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG }).setAAD(aad);
      decipher.setAuthTag(ciphertext.subarray(-TAG));
      return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG)), decipher.final()]);
    },
    export: (label) => labeledExpand(exporter, 'sec', Buffer.from(label), 32),
  };
}
