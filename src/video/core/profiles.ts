// The payload sizes of the format, and the code and cycle of each.

export type ProfileName = 'token' | 'b128' | 'b256' | 'b512';

/** One size of payloads. */
export interface Profile {
  readonly id: number;
  readonly name: ProfileName;
  /** Length of the padded payload. */
  readonly bytes: number;
  /** K, the number of bits of payload and CRC. */
  readonly blockBits: number;
  /** n; the code has N = 2ⁿ bits. */
  readonly codeExponent: number;
  /** Segments (seconds) until the code bits repeat. */
  readonly cycle: number;
}

function profile(id: number, name: ProfileName, bytes: number, codeExponent: number, cycle: number): Profile {
  return { id, name, bytes, blockBits: 8 * bytes + 32, codeExponent, cycle };
}

/** All profiles, the smallest first. */
export const PROFILES: readonly Profile[] = [
  profile(1, 'token', 16, 10, 5),
  profile(2, 'b128', 128, 11, 5),
  profile(3, 'b256', 256, 12, 5),
  profile(4, 'b512', 512, 13, 10),
];

/** @returns the smallest profile that holds a payload of `length` bytes, or undefined if none does */
export function profileFor(length: number): Profile | undefined {
  return PROFILES.find(({ bytes }) => length <= bytes);
}
