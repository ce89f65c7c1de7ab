// The block of a payload: padding, CRC-32 and whitening.
//
//   data (the payload, or the payload, 0x80 and zeros) ‖ CRC-32(data), big-endian
//
// The CRC is complemented if the payload is padded. All bytes are then XORed with the low bytes of a key stream.
import { Keystream } from './keystream.ts';

const WHITENING = 0x77686974;
const PADDING = 0x80;

const TABLE = crcTable();

function crcTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    table[i] = value;
  }
  return table;
}

/** CRC-32 of IEEE 802.3. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function whiten(block: Uint8Array, key: Uint8Array): void {
  const stream = new Keystream(key, [WHITENING, 0, 0]);
  for (let i = 0; i < block.length; i++) block[i] = block[i]! ^ stream.u32();
}

/**
 * Makes the block of a payload.
 *
 * @param size bytes of the profile, at least those of the payload
 * @returns `size` + 4 bytes
 */
export function encodeBlock(payload: Uint8Array, size: number, key: Uint8Array): Uint8Array {
  if (payload.length > size) throw new RangeError('the payload is longer than its profile');
  const block = new Uint8Array(size + 4);
  block.set(payload);
  const isPadded = payload.length < size;
  if (isPadded) block[payload.length] = PADDING;
  const crc = crc32(block.subarray(0, size));
  new DataView(block.buffer).setUint32(size, isPadded ? ~crc : crc);
  whiten(block, key);
  return block;
}

/** @returns the payload, or undefined if neither CRC fits or the padding is wrong */
export function decodeBlock(block: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  const plain = block.slice();
  whiten(plain, key);
  const size = plain.length - 4;
  const data = plain.subarray(0, size);
  const stored = new DataView(plain.buffer).getUint32(size);
  const crc = crc32(data);
  if (stored === crc) return data;
  if (stored !== ~crc >>> 0) return undefined;
  let end = size;
  while (end > 0 && data[end - 1] === 0) end--;
  return end > 0 && data[end - 1] === PADDING ? data.subarray(0, end - 1) : undefined;
}

/** The bits of bytes, the most significant first. */
export function toBits(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 8 * bytes.length }, (_, i) => (bytes[i >> 3]! >> (7 - (i & 7))) & 1);
}

/** The bytes of bits, the most significant first. */
export function fromBits(bits: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(bits.length >> 3);
  for (let i = 0; i < bits.length; i++) bytes[i >> 3] = bytes[i >> 3]! | (bits[i]! << (7 - (i & 7)));
  return bytes;
}
