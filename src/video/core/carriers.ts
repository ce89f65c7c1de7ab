// The carriers: which features carry which code bit in a segment, with which signs and dithers.
import { featureCount } from './dct.ts';
import type { Grid } from './grid.ts';
import { Keystream } from './keystream.ts';
import type { Profile } from './profiles.ts';

/** The last carriers of each segment, which always carry 0. */
export const PILOTS = 64;

/** The steps Δ of the lattice. */
export const STEPS: readonly number[] = [
  1.8, 2.07, 2.38, 2.74, 3.15, 3.62, 4.16, 4.79, 5.51, 6.33, 7.28, 8.37, 9.63, 11.07, 12.73, 14.64,
];

/** Luma, and both chroma planes as one grid (see `chromaGrid`). */
export const LUMA = 0;
export const CHROMA = 1;
export type Channel = typeof LUMA | typeof CHROMA;

/** The carriers of one segment and channel. Carrier i has the features start[i] … start[i + 1] − 1 of `features`. */
export interface Carriers {
  /** Position of the code bit of each carrier but the pilots. */
  readonly bits: Uint32Array;
  readonly start: Uint32Array;
  /** All features of the grid in the order of the key. */
  readonly features: Uint32Array;
  /** 1 or −1 for each entry of `features`. */
  readonly signs: Float32Array;
  /** Offset of the lattice of each carrier, in steps. */
  readonly dithers: Float32Array;
}

const ORDER_NONCE = 0xc0de;

/** @returns the order in which the segments of a cycle carry the code bits, the same for both channels */
export function codeOrder(key: Uint8Array, profile: Profile): Uint32Array {
  return new Keystream(key, [profile.id, ORDER_NONCE, 0]).shuffled(2 ** profile.codeExponent);
}

/** The carriers of the segments of one key, profile, channel and grid, computed when first used. */
export class CarrierTable {
  readonly grid: Grid;
  readonly #key: Uint8Array;
  readonly #profile: Profile;
  readonly #channel: Channel;
  readonly #order: Uint32Array;
  readonly #segments: Carriers[] = [];

  /**
   * @param grid of the channel: for chroma, the result of `chromaGrid`
   * @param order the result of `codeOrder`
   */
  constructor(key: Uint8Array, profile: Profile, channel: Channel, grid: Grid, order = codeOrder(key, profile)) {
    this.grid = grid;
    this.#key = key;
    this.#profile = profile;
    this.#channel = channel;
    this.#order = order;
  }

  /** The carriers of segment k of the clip, the same for k + cycle. */
  segment(k: number): Carriers {
    const s = k % this.#profile.cycle;
    this.#segments[s] ??= this.#compute(s);
    return this.#segments[s]!;
  }

  #compute(s: number): Carriers {
    const { id, cycle } = this.#profile;
    const { columns, rows } = this.grid;
    const order = this.#order;
    const bits = order.slice(Math.floor((order.length * s) / cycle), Math.floor((order.length * (s + 1)) / cycle));
    const stream = new Keystream(this.#key, [id | (this.#channel << 8), (columns << 16) | rows, s + 1]);
    const features = stream.shuffled(featureCount(this.grid));
    const signs = new Float32Array(features.length);
    for (let i = 0; i < signs.length; i++) signs[i] = stream.u32() & 1 ? 1 : -1;
    const dithers = new Float32Array(bits.length + PILOTS);
    for (let i = 0; i < dithers.length; i++) dithers[i] = stream.unit();
    return { bits, start: startOffsets(features.length, bits.length), features, signs, dithers };
  }
}

/** Shares the features of the pool evenly: every carrier gets `base`, the first ones one more. */
function startOffsets(pool: number, bits: number): Uint32Array {
  const count = bits + PILOTS;
  const base = Math.floor(pool / count);
  if (base === 0) throw new RangeError('the grid is too small for the profile');
  const extra = Math.min(pool - base * count, bits);
  return Uint32Array.from({ length: count + 1 }, (_, i) => base * i + Math.min(i, extra));
}
