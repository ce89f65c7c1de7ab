// Random bytes from a pool.
import { randomFillSync } from 'node:crypto';

/** Each call of the generator costs some microseconds, regardless of the length. */
const POOL_SIZE = 16 * 1024;

const pool = Buffer.alloc(POOL_SIZE);
let used = POOL_SIZE;

/**
 * Returns random bytes for keys and nonces from the generator of `node:crypto`, which fills a pool. Returned bytes are
 * erased from the pool.
 */
export function randomBytes(length: number): Buffer<ArrayBuffer> {
  if (length > POOL_SIZE) return randomFillSync(Buffer.alloc(length));
  if (used + length > POOL_SIZE) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Buffer.from(pool.subarray(used, used + length));
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
}
