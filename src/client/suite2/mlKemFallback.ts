// ML-KEM-768 in JavaScript, for platforms without it in WebCrypto.
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import type { Bytes } from '../../protocol/bytes.ts';
import type { MlKem } from './mlKem.ts';

const SEED_LENGTH = 64;

export const mlKemFallback: MlKem = {
  async generate() {
    const seed = globalThis.crypto.getRandomValues(new Uint8Array(SEED_LENGTH));
    return { seed, publicKey: ml_kem768.keygen(seed).publicKey as Bytes };
  },
  async encapsulate(publicKey) {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey);
    return { ciphertext: cipherText as Bytes, sharedSecret: sharedSecret as Bytes };
  },
  async decapsulate(seed, ciphertext) {
    return ml_kem768.decapsulate(ciphertext, ml_kem768.keygen(seed).secretKey) as Bytes;
  },
};
