// Chooses the step of a channel: the largest one that stays invisible and survives the noise of a codec best.
import { type CarrierTable, type Channel, LUMA, STEPS } from './carriers.ts';
import type { Grid } from './grid.ts';
import type { Look } from './look.ts';
import type { Pause } from './pause.ts';
import { type SegmentTask, Solver } from './solve.ts';
import { cutTemplate, setTemplate, TEMPLATE_PLANES, templatePlane } from './template.ts';

export type Strength = 'invisible' | 'strong';

/** Largest rms change of the cells of luma and chroma. */
const BUDGETS: Record<Strength, readonly [number, number]> = { invisible: [1.03, 0.6], strong: [1.45, 0.85] };

/** Expected noise of a projection after a codec, of luma and chroma. */
const NOISE = [0.9, 0.6] as const;

/** The chosen step of a channel and what it achieves over all segments. */
export interface ChannelPlan {
  readonly step: number;
  readonly coherence: number;
  readonly rms: number;
  /** Coherence expected after a codec. */
  readonly score: number;
}

/** Solves the segments of one channel of a clip. */
export class ChannelSolver {
  readonly #channel: Channel;
  readonly #look: Look;
  readonly #carriers: CarrierTable;
  readonly #code: Uint8Array;
  readonly #solver: Solver;
  readonly #cells: Float64Array;
  readonly #caps: Float64Array;
  readonly #template: readonly Int8Array[];
  /** The change of each cell of the last segment solved. */
  readonly change: Float64Array;

  /** @param code all bits of the code word */
  constructor(channel: Channel, look: Look, carriers: CarrierTable, key: Uint8Array, code: Uint8Array) {
    const { grid } = carriers;
    const cells = grid.columns * grid.rows;
    this.#channel = channel;
    this.#look = look;
    this.#carriers = carriers;
    this.#code = code;
    this.#solver = new Solver(grid);
    this.#cells = new Float64Array(cells);
    this.#caps = new Float64Array(cells);
    this.#template = channel === LUMA ? templatesOf(key, grid) : [];
    this.change = new Float64Array(cells);
  }

  /** Computes the change of one segment. */
  solve(segment: number, step: number): { coherence: number; power: number } {
    this.#look.readCells(segment, this.#channel, this.#cells);
    this.#look.readCaps(segment, this.#channel, this.#caps);
    const signs = this.#template[segment % TEMPLATE_PLANES];
    if (signs === undefined) this.change.fill(0);
    else setTemplate(signs, this.#caps, this.change);
    const carriers = this.#carriers.segment(segment);
    const task: SegmentTask = { cells: this.#cells, caps: this.#caps, carriers, code: this.#code };
    return this.#solver.solve(task, step, this.change);
  }

  /** Chooses the step for all segments. */
  async plan(strength: Strength, pause: Pause): Promise<ChannelPlan> {
    const budget = BUDGETS[strength][this.#channel];
    let best: ChannelPlan | undefined;
    for (const step of STEPS.toReversed()) {
      const after = Math.exp(-2 * ((Math.PI * NOISE[this.#channel]) / step) ** 2);
      if (best !== undefined && after < best.score) break;
      const isLast = step === STEPS[0];
      const result = await this.#measure(step, isLast ? Number.POSITIVE_INFINITY : budget, pause);
      if (result === undefined) continue;
      const score = result.coherence * after;
      if (best === undefined || score > best.score) best = { step, ...result, score };
    }
    // The smallest step has no limit, so one was found.
    return best!;
  }

  /** @returns undefined if the rms over all segments exceeds the budget */
  async #measure(step: number, budget: number, pause: Pause): Promise<{ coherence: number; rms: number } | undefined> {
    const { segments } = this.#look;
    let coherence = 0;
    let power = 0;
    for (let segment = 0; segment < segments; segment++) {
      await pause();
      const solution = this.solve(segment, step);
      coherence += solution.coherence;
      power += solution.power;
      if (power > budget * budget * segments) return undefined;
    }
    return { coherence: coherence / segments, rms: Math.sqrt(power / segments) };
  }
}

function templatesOf(key: Uint8Array, grid: Grid): Int8Array[] {
  return Array.from({ length: TEMPLATE_PLANES }, (_, plane) => cutTemplate(templatePlane(key, plane), grid));
}
