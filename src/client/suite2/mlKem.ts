// The interface of the implementations of ML-KEM-768 (FIPS 203).
import type { Bytes } from '../../protocol/bytes.ts';

/** ML-KEM-768. A private key is its seed, d ‖ z, 64 bytes. */
export interface MlKem {
  generate(): Promise<{ seed: Bytes; publicKey: Bytes }>;
  encapsulate(publicKey: Bytes): Promise<{ ciphertext: Bytes; sharedSecret: Bytes }>;
  decapsulate(seed: Bytes, ciphertext: Bytes): Promise<Bytes>;
}
