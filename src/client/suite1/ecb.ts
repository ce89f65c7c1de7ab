// AES-256-ECB with PKCS#7 padding, for suite 1.
import { type Bytes, isEqual } from '../../protocol/bytes.ts';
import { concatBytes } from '../../protocol/suite2.ts';

/*
 * WebCrypto does not support AES-ECB. It is implemented with AES-CBC, which is supported.
 */
const BLOCK = 16;
/** The number of blocks that are encrypted concurrently, with one promise each. */
const BATCH = 1024;
const AES = 'AES-CBC';

export async function importAesKey(bytes: Bytes): Promise<CryptoKey> {
  return globalThis.crypto.subtle.importKey('raw', bytes, AES, false, ['encrypt', 'decrypt']);
}

/** CBC of one block with a zero IV equals ECB of that block, followed by a block of padding, which is removed. */
export async function encryptEcb(key: CryptoKey, plaintext: Uint8Array): Promise<Bytes> {
  const padding = BLOCK - (plaintext.length % BLOCK);
  const padded = concatBytes(plaintext, new Uint8Array(padding).fill(padding));
  const ciphertext = new Uint8Array(padded.length);
  const iv = new Uint8Array(BLOCK);
  for (let start = 0; start < padded.length; start += BLOCK * BATCH) {
    const offsets = range(start, Math.min(start + BLOCK * BATCH, padded.length));
    const blocks = offsets.map((at) => encryptCbc(key, iv, padded.subarray(at, at + BLOCK)));
    for (const [i, block] of (await Promise.all(blocks)).entries()) {
      ciphertext.set(block.subarray(0, BLOCK), start + i * BLOCK);
    }
  }
  return ciphertext;
}

/**
 * CBC decrypts each block like ECB and then XORs it with the previous ciphertext block, which is undone here. A block that
 * decrypts to valid padding is appended, because CBC checks the padding.
 *
 * @returns undefined if the padding is invalid
 */
export async function decryptEcb(key: CryptoKey, ciphertext: Bytes): Promise<Bytes | undefined> {
  if (ciphertext.length === 0 || ciphertext.length % BLOCK !== 0) return undefined;
  const last = ciphertext.subarray(-BLOCK);
  const end = await encryptCbc(key, last, new Uint8Array());
  const iv = new Uint8Array(BLOCK);
  const chained = await globalThis.crypto.subtle.decrypt({ name: AES, iv }, key, concatBytes(ciphertext, end));
  const padded = new Uint8Array(chained).map((byte, i) => byte ^ (i < BLOCK ? 0 : (ciphertext[i - BLOCK] ?? 0)));

  const padding = padded.at(-1) ?? 0;
  const tail = new Uint8Array(padding).fill(padding);
  const isPadded = padding >= 1 && padding <= BLOCK && isEqual(padded.subarray(-padding), tail);
  return isPadded ? padded.slice(0, -padding) : undefined;
}

async function encryptCbc(key: CryptoKey, iv: Bytes, plaintext: Bytes): Promise<Uint8Array> {
  return new Uint8Array(await globalThis.crypto.subtle.encrypt({ name: AES, iv }, key, plaintext));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: (to - from) / BLOCK }, (_, i) => from + i * BLOCK);
}
