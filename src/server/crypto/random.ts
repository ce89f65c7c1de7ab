import { randomFillSync } from 'node:crypto';

/** Asking the generator costs some microseconds, however little is asked for. */
const POOL_SIZE = 16 * 1024;

const pool = Buffer.alloc(POOL_SIZE);
let used = POOL_SIZE;

/**
 * Random bytes from the system's generator, fit for keys and nonces: those of `node:crypto`, taken many at a time. Nothing
 * of what was handed out stays behind.
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
