// The vectors of docs/vectors/video.json with the inputs that they share.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROFILES, type Profile } from '../../src/video/core/profiles.ts';

export const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'vectors', 'video.json'), 'utf8'),
);

/** The key K of the vectors. */
export const key = Uint8Array.from({ length: 32 }, (_, i) => 3 * i + 1);

/** The payload Pₙ of the vectors. */
export function payloadOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (89 * i + 17) % 256);
}

export function profileNamed(name: string): Profile {
  const profile = PROFILES.find((candidate) => candidate.name === name);
  if (profile === undefined) throw new Error(`no profile ${name}`);
  return profile;
}

/** SHA-256 in hex of the bytes of typed arrays, one after the other. */
export function sha256(...parts: NodeJS.TypedArray[]): string {
  const bytes = parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  return hash('sha256', Buffer.concat(bytes));
}

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
