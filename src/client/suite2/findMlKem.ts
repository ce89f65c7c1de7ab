import type { Bytes } from '../../protocol/bytes.ts';
import type { MlKem } from './mlKem.ts';

/** What WebCrypto has for KEMs (https://wicg.github.io/webcrypto-modern-algos/), which not all type libraries know. */
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

/** WebCrypto's ML-KEM where there is one, else one in JavaScript, which is loaded then only. */
export function getMlKem(): Promise<MlKem> {
  found ??= find();
  // A part that could not be loaded may be there the next time.
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
