// Selects the implementation of ML-KEM-768.
import type { Bytes } from '../../protocol/bytes.ts';
import type { MlKem } from './mlKem.ts';

/**
 * The KEM functions of WebCrypto, which not all type libraries declare.
 *
 * @see https://wicg.github.io/webcrypto-modern-algos/
 */
interface KemCrypto {
  generateKey(
    name: string,
    extractable: boolean,
    usages: string[],
  ): Promise<{ privateKey: CryptoKey; publicKey: CryptoKey }>;
  importKey(format: string, key: Bytes, name: string, extractable: boolean, usages: string[]): Promise<CryptoKey>;
  exportKey(format: string, key: CryptoKey): Promise<ArrayBuffer>;
  encapsulateBits(name: string, key: CryptoKey): Promise<{ ciphertext: ArrayBuffer; sharedKey: ArrayBuffer }>;
  decapsulateBits(name: string, key: CryptoKey, ciphertext: Bytes): Promise<ArrayBuffer>;
}

const NAME = 'ML-KEM-768';
const SEND = 'encapsulateBits';
const RECEIVE = 'decapsulateBits';

function createNative(subtle: KemCrypto): MlKem {
  return {
    async generate() {
      const { privateKey, publicKey } = await subtle.generateKey(NAME, true, [SEND, RECEIVE]);
      return {
        seed: new Uint8Array(await subtle.exportKey('raw-seed', privateKey)),
        publicKey: new Uint8Array(await subtle.exportKey('raw-public', publicKey)),
      };
    },
    async encapsulate(publicKey) {
      const key = await subtle.importKey('raw-public', publicKey, NAME, false, [SEND]);
      const { ciphertext, sharedKey } = await subtle.encapsulateBits(NAME, key);
      return { ciphertext: new Uint8Array(ciphertext), sharedSecret: new Uint8Array(sharedKey) };
    },
    async decapsulate(seed, ciphertext) {
      const key = await subtle.importKey('raw-seed', seed, NAME, false, [RECEIVE]);
      return new Uint8Array(await subtle.decapsulateBits(NAME, key, ciphertext));
    },
  };
}

let found: Promise<MlKem> | undefined;

/** Returns WebCrypto's ML-KEM, or an implementation in JavaScript, which is loaded only if WebCrypto has none. */
export function getMlKem(): Promise<MlKem> {
  found ??= find();
  // Loading may succeed the next time.
  found.catch(() => {
    found = undefined;
  });
  return found;
}

async function find(): Promise<MlKem> {
  const native = createNative(globalThis.crypto.subtle as unknown as KemCrypto);
  try {
    await native.generate();
    return native;
  } catch {
    return (await import('./mlKemFallback.ts')).mlKemFallback;
  }
}
