// Soft decisions: pilots give the step and the quality of each segment, carriers the log-likelihoods of the code bits.
import { type CarrierTable, CHROMA, type Channel, LUMA, PILOTS, STEPS } from './carriers.ts';
import { decodeBlock, fromBits } from './payload.ts';
import { codeOf } from './polar.ts';
import { PolarDecoder } from './polarDecoder.ts';
import { PROFILES, type Profile } from './profiles.ts';
import type { ReaderKey } from './readerKey.ts';
import { projection } from './solve.ts';
import { TEMPLATE_PLANES } from './template.ts';
import type { Features } from './track.ts';

/** Chroma with less coherence than this adds noise only. */
const LEAST_CHROMA = 0.06;

/** A mark with less coherence than this in both channels cannot be decoded. */
const LEAST_COHERENCE = 0.07;

/** Pairs of profile and shift that are decoded per attempt. */
const MOST_DECODED = 2;

/** Paths of the list decoder. */
const LIST = 8;
const DEEP_LIST = 32;

/** Quality of both channels: 1 is perfect, 0 is chance. */
export interface Coherence {
  readonly luma: number;
  readonly chroma: number;
}

/** A payload that was read. */
export interface Found {
  readonly payload: Uint8Array;
  readonly profile: Profile;
  readonly coherence: Coherence;
}

interface ChannelQuality {
  readonly step: number;
  /** Mean over all segments, and of each. */
  readonly coherence: number;
  readonly segments: Float64Array;
}

/** Pilot coherence of one profile whose first segment is at position `shift` of the cycle. */
export interface Quality {
  readonly profile: Profile;
  readonly shift: number;
  readonly luma: ChannelQuality;
  readonly chroma: ChannelQuality;
  readonly score: number;
}

// A table, because the search computes tens of millions of cosines.
const TURN = 4096;
const COSINES = Float64Array.from({ length: TURN }, (_, i) => Math.cos((2 * Math.PI * (i + 0.5)) / TURN));

/** cos 2πx */
function cosine(x: number): number {
  return COSINES[((x - Math.floor(x)) * TURN) | 0]!;
}

/** Finds the step with the best pilots. */
function measureChannel(
  segments: readonly Float64Array[],
  table: CarrierTable,
  shift: number,
  steps: readonly number[],
): ChannelQuality {
  const sums = steps.map(() => new Float64Array(segments.length));
  for (let k = 0; k < segments.length; k++) {
    const carriers = table.segment(shift + k);
    const { dithers } = carriers;
    for (let i = dithers.length - PILOTS; i < dithers.length; i++) {
      const projected = projection(carriers, segments[k]!, i);
      const dither = dithers[i]!;
      for (let s = 0; s < steps.length; s++)
        sums[s]![k] = sums[s]![k]! + cosine(projected / steps[s]! - dither) / PILOTS;
    }
  }
  let best: ChannelQuality | undefined;
  for (const [s, step] of steps.entries()) {
    const coherence = sums[s]!.reduce((a, b) => a + b, 0) / Math.max(1, segments.length);
    if (best === undefined || coherence > best.coherence) best = { step, coherence, segments: sums[s]! };
  }
  return best!;
}

/**
 * Measures the pilots of all profiles.
 *
 * @param shift position of the first segment in the template cycle
 * @param gain of the picture since it was marked, which scales the steps
 * @returns the best first
 */
export function measure(features: Features, key: ReaderKey, shift: number, gain = 1): Quality[] {
  const steps = STEPS.map((step) => step * gain);
  const results: Quality[] = [];
  for (const profile of PROFILES)
    for (let s = shift; s < profile.cycle; s += TEMPLATE_PLANES) {
      const channel = (segments: readonly Float64Array[], id: Channel) =>
        measureChannel(segments, key.carriers(profile, id, features.grid), s, steps);
      const luma = channel(features.luma, LUMA);
      const chroma = channel(features.chroma, CHROMA);
      const score = Math.max(0, luma.coherence) ** 2 + Math.max(0, chroma.coherence) ** 2;
      results.push({ profile, shift: s, luma, chroma, score });
    }
  return results.sort((a, b) => b.score - a.score);
}

/** Reliability of a carrier at a coherence. */
export function reliability(coherence: number): number {
  if (coherence <= 0.02) return 0.04;
  const c = Math.min(0.97, coherence);
  return (c * (2 - c * c)) / (1 - c * c);
}

function addLikelihoods(
  llr: Float32Array,
  segments: readonly Float64Array[],
  table: CarrierTable,
  shift: number,
  quality: ChannelQuality,
): void {
  for (let k = 0; k < segments.length; k++) {
    const carriers = table.segment(shift + k);
    const { bits, dithers } = carriers;
    const factor = 2 * reliability(0.6 * quality.segments[k]! + 0.4 * quality.coherence);
    for (let i = 0; i < bits.length; i++) {
      const projected = projection(carriers, segments[k]!, i);
      llr[bits[i]!] = llr[bits[i]!]! + factor * cosine(projected / quality.step - dithers[i]!);
    }
  }
}

/** Log-likelihood ratios of the code bits, positive for 0, summed over segments and channels. */
export function likelihoods(
  features: Features,
  key: ReaderKey,
  { profile, shift, luma, chroma }: Quality,
): Float32Array {
  const llr = new Float32Array(2 ** profile.codeExponent);
  addLikelihoods(llr, features.luma, key.carriers(profile, LUMA, features.grid), shift, luma);
  if (chroma.coherence > LEAST_CHROMA)
    addLikelihoods(llr, features.chroma, key.carriers(profile, CHROMA, features.grid), shift, chroma);
  return llr;
}

const decoders = new Map<string, PolarDecoder>();

function decoderOf(profile: Profile, list: number): PolarDecoder {
  const name = `${profile.id} ${list}`;
  const decoder = decoders.get(name) ?? new PolarDecoder(codeOf(profile), list);
  decoders.set(name, decoder);
  return decoder;
}

/**
 * Decodes the best of the measured profiles and shifts.
 *
 * @param qualities as `measure` returns them
 */
export function decode(
  features: Features,
  key: ReaderKey,
  qualities: readonly Quality[],
  isDeep: boolean,
): Found | undefined {
  for (const quality of qualities.slice(0, MOST_DECODED)) {
    const { profile, luma, chroma } = quality;
    if (Math.max(luma.coherence, chroma.coherence) < LEAST_COHERENCE) return undefined;
    const llr = likelihoods(features, key, quality);
    const decoder = decoderOf(profile, isDeep ? DEEP_LIST : LIST);
    const payload = decoder.decode(llr, (block) => decodeBlock(fromBits(block), key.bytes));
    if (payload) return { payload, profile, coherence: { luma: luma.coherence, chroma: chroma.coherence } };
  }
  return undefined;
}
