// The writer of one clip: a look at all pictures, a plan, and the change of all pictures.
import { CarrierTable, CHROMA, codeOrder, LUMA } from './carriers.ts';
import { chromaGrid, type Rectangle } from './grid.ts';
import type { Layout } from './layout.ts';
import { Look } from './look.ts';
import { toStored } from './orient.ts';
import { PatternMaker } from './pattern.ts';
import type { Pause } from './pause.ts';
import { encodeBlock, toBits } from './payload.ts';
import type { Picture } from './picture.ts';
import { type ChannelPlan, ChannelSolver, type Strength } from './plan.ts';
import { codeOf, encode } from './polar.ts';
import type { Profile } from './profiles.ts';

/** If both channels expect less coherence after a codec, the clip has too little detail. */
const PLAIN_SCORE = 0.25;

/** The strength of a mark. */
export interface Plan {
  readonly luma: ChannelPlan;
  readonly chroma: ChannelPlan;
  readonly isTooPlain: boolean;
}

/**
 * Hides one payload in one clip.
 *
 * @example
 * const embedder = new Embedder(layout, key, profile, payload);
 * for (const { picture, time, duration } of clip()) embedder.look(picture, time, duration);
 * if ((await embedder.plan('invisible', pause)).isTooPlain) throw new VideoError('too_plain', …);
 * for (const { picture, time, duration } of clip()) encode(embedder.change(picture, time, duration));
 */
export class Embedder {
  readonly #layout: Layout;
  readonly #look: Look;
  readonly #luma: ChannelSolver;
  readonly #chroma: ChannelSolver;
  readonly #patterns: SegmentPatterns;
  readonly #caps: Float64Array;
  #plan: Plan | undefined;
  #segment = -1;
  #pictures = 0;
  #squares = 0;

  /**
   * @param key the 32 bytes of a pattern key
   * @param payload at most the bytes of the profile
   */
  constructor(layout: Layout, key: Uint8Array, profile: Profile, payload: Uint8Array) {
    const code = encode(codeOf(profile), toBits(encodeBlock(payload, profile.bytes, key)));
    const order = codeOrder(key, profile);
    const luma = new CarrierTable(key, profile, LUMA, layout.grid, order);
    const chroma = new CarrierTable(key, profile, CHROMA, chromaGrid(layout.grid), order);
    this.#layout = layout;
    this.#look = new Look(layout);
    this.#luma = new ChannelSolver(LUMA, this.#look, luma, key, code);
    this.#chroma = new ChannelSolver(CHROMA, this.#look, chroma, key, code);
    this.#patterns = new SegmentPatterns(layout);
    this.#caps = new Float64Array(layout.grid.columns * layout.grid.rows);
  }

  /**
   * Reads the next picture of the clip; see `change` for the times.
   */
  look(picture: Picture, time: number, duration: number): void {
    this.#look.add(picture, time, duration);
  }

  /**
   * Chooses the steps from the pictures that were read. Called again, it starts another round of `change`.
   *
   * @param pause awaited every few milliseconds; what it throws ends the computation
   */
  async plan(strength: Strength, pause: Pause): Promise<Plan> {
    this.#look.finish();
    const luma = await this.#luma.plan(strength, pause);
    const chroma = await this.#chroma.plan(strength, pause);
    this.#plan = { luma, chroma, isTooPlain: Math.max(luma.score, chroma.score) < PLAIN_SCORE };
    this.#segment = -1;
    this.#pictures = 0;
    this.#squares = 0;
    return this.#plan;
  }

  /**
   * Adds the pattern to the next picture, in place.
   *
   * @param time in seconds since the first picture
   * @param duration in seconds, until the next picture; that of the last one, if unknown, is the previous one's
   */
  change(picture: Picture, time: number, duration: number): void {
    const segment = Math.floor(time + duration / 2);
    this.#select(Math.min(Math.max(segment, 0), this.#look.segments - 1));
    const { luma, u, v } = this.#patterns;
    const { storedArea, storedHalf } = this.#layout;
    addPattern(picture.y, picture.strideY, storedArea, luma);
    addPattern(picture.u, picture.strideC, storedHalf, u);
    addPattern(picture.v, picture.strideC, storedHalf, v);
    this.#pictures++;
    this.#squares += this.#patterns.lumaSquares;
  }

  /** PSNR of luma in dB over the pictures changed since `plan`, without the gain by saturated samples. */
  get psnr(): number {
    const samples = this.#pictures * this.#layout.width * this.#layout.height;
    return 10 * Math.log10((255 * 255 * samples) / this.#squares);
  }

  #select(segment: number): void {
    if (segment === this.#segment) return;
    if (this.#plan === undefined) throw new Error('there is no plan yet');
    this.#luma.solve(segment, this.#plan.luma.step);
    this.#chroma.solve(segment, this.#plan.chroma.step);
    this.#look.readCaps(segment, LUMA, this.#caps);
    this.#patterns.make(this.#luma.change, this.#chroma.change, this.#caps);
    this.#segment = segment;
  }
}

/** The patterns of the three planes for one segment, in the order of the file. */
class SegmentPatterns {
  readonly luma: Int8Array;
  readonly u: Int8Array;
  readonly v: Int8Array;
  lumaSquares = 0;
  readonly #layout: Layout;
  readonly #lumaMaker: PatternMaker;
  readonly #chromaMaker: PatternMaker;
  readonly #displayed: Int8Array;

  constructor(layout: Layout) {
    const { width, height } = layout.area;
    this.#layout = layout;
    this.#lumaMaker = new PatternMaker(layout.grid, width, height);
    this.#chromaMaker = new PatternMaker(layout.grid, width >> 1, height >> 1);
    this.#displayed = new Int8Array(width * height);
    this.luma = new Int8Array(width * height);
    this.u = new Int8Array((width >> 1) * (height >> 1));
    this.v = new Int8Array(this.u.length);
  }

  /** @param caps of luma */
  make(luma: Float64Array, chroma: Float64Array, caps: Float64Array): void {
    const cells = chroma.length >> 1;
    this.#fill(this.#lumaMaker, luma, caps, this.luma);
    this.#fill(this.#chromaMaker, chroma.subarray(0, cells), caps, this.u);
    this.#fill(this.#chromaMaker, chroma.subarray(cells), caps, this.v);
    this.lumaSquares = 0;
    for (let i = 0; i < this.luma.length; i++) this.lumaSquares += this.luma[i]! * this.luma[i]!;
  }

  #fill(maker: PatternMaker, change: Float64Array, caps: Float64Array, stored: Int8Array): void {
    const displayed = this.#displayed.subarray(0, stored.length);
    maker.make(change, caps, displayed);
    toStored(this.#layout.orientation, maker.width, maker.height, displayed, stored);
  }
}

/** Adds a pattern to a rectangle of a plane, saturated. */
function addPattern(plane: Uint8Array, stride: number, { x, y, width, height }: Rectangle, pattern: Int8Array): void {
  const clamped = new Uint8ClampedArray(plane.buffer, plane.byteOffset, plane.length);
  for (let row = 0; row < height; row++) {
    const start = (y + row) * stride + x;
    const from = row * width;
    for (let i = 0; i < width; i++) clamped[start + i] = clamped[start + i]! + pattern[from + i]!;
  }
}
