// The polar code: reliability of its positions and encoding.
import type { Profile } from './profiles.ts';

/** A polar code of length N with K information positions. */
export interface PolarCode {
  /** N. */
  readonly length: number;
  /** The K information positions, ascending. */
  readonly positions: Uint16Array;
  /** N bytes: 1 for a frozen position. */
  readonly frozen: Uint8Array;
}

// 2^¼, with two square roots because engines differ in the last bit of Math.pow.
const BETA = Math.sqrt(Math.sqrt(2));

/** Reliability of each position: the sum of β^j over its set bits j. */
function reliabilities(exponent: number): Float64Array {
  const weights = new Float64Array(2 ** exponent);
  for (let i = 0; i < weights.length; i++) {
    let power = 1;
    for (let j = 0; j < exponent; j++) {
      if ((i >> j) & 1) weights[i] = weights[i]! + power;
      power *= BETA;
    }
  }
  return weights;
}

function createCode(exponent: number, count: number): PolarCode {
  const weights = reliabilities(exponent);
  const length = weights.length;
  const order = Array.from(weights.keys()).sort((a, b) => weights[a]! - weights[b]! || a - b);
  const positions = Uint16Array.from(order.slice(length - count)).sort();
  const frozen = new Uint8Array(length).fill(1);
  for (const position of positions) frozen[position] = 0;
  return { length, positions, frozen };
}

const codes = new Map<number, PolarCode>();

/** The code of a profile. */
export function codeOf({ id, codeExponent, blockBits }: Profile): PolarCode {
  const code = codes.get(id) ?? createCode(codeExponent, blockBits);
  codes.set(id, code);
  return code;
}

/** Multiplies by F^⊗n in place, without bit reversal. Twice gives the input again. */
export function transform(bits: Uint8Array): void {
  for (let half = 1; half < bits.length; half *= 2)
    for (let start = 0; start < bits.length; start += 2 * half)
      for (let j = start; j < start + half; j++) bits[j] = bits[j]! ^ bits[j + half]!;
}

/**
 * Encodes the bits of a block.
 *
 * @param block K bits
 * @returns N code bits
 */
export function encode(code: PolarCode, block: Uint8Array): Uint8Array {
  const bits = new Uint8Array(code.length);
  for (let i = 0; i < block.length; i++) bits[code.positions[i]!] = block[i]!;
  transform(bits);
  return bits;
}
