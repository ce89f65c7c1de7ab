// The solver: the smallest change of cell means that brings the projections of a segment to the lattice of its bits.
import type { Carriers } from './carriers.ts';
import { addInverse, BLOCK_FEATURES, BLOCK_SIDE, featureCount, toFeatures } from './dct.ts';
import type { Grid } from './grid.ts';

const ROUNDS = 8;

/** From the second round on, corrections are larger than the error, because clipping takes part of each away. */
const GAIN = 1.3;

/** One segment and channel to change. */
export interface SegmentTask {
  /** Cell means of the clip. */
  readonly cells: Float64Array;
  /** Largest change of each cell. */
  readonly caps: Float64Array;
  readonly carriers: Carriers;
  /** All bits of the code word. */
  readonly code: Uint8Array;
}

/** The result for one segment. */
export interface Solution {
  /** Distance of all carriers from their targets: 1 is perfect. */
  readonly coherence: number;
  /** Mean square of the changes. */
  readonly power: number;
}

/** Solves segments of one grid. Keeps its buffers. */
export class Solver {
  readonly #grid: Grid;
  readonly #sums: Float64Array;
  readonly #features: Float64Array;
  readonly #corrections: Float64Array;
  readonly #targets: Float64Array;
  /** For each feature (c of its block)², which weighs where a correction is made. */
  readonly #weights: Float64Array;

  constructor(grid: Grid) {
    this.#grid = grid;
    this.#sums = new Float64Array(grid.columns * grid.rows);
    const count = featureCount(grid);
    this.#features = new Float64Array(count);
    this.#corrections = new Float64Array(count);
    this.#targets = new Float64Array(count);
    this.#weights = new Float64Array(count);
  }

  /**
   * Finds the change of each cell for one step.
   *
   * @param step Δ of the lattice
   * @param change on entry the template, on return the change of each cell
   */
  solve(task: SegmentTask, step: number, change: Float64Array): Solution {
    this.#weigh(task.caps);
    this.#project(task.cells, change);
    this.#setTargets(task, step);
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0) this.#project(task.cells, change);
      this.#correct(task.carriers, round === 0 ? 1 : GAIN);
      addInverse(this.#corrections, this.#grid, change);
      clip(change, task.caps);
    }
    this.#project(task.cells, change);
    return { coherence: this.#coherence(task.carriers, step), power: meanSquare(change) };
  }

  #weigh(caps: Float64Array): void {
    const { columns, rows } = this.#grid;
    let feature = 0;
    for (let top = 0; top < rows; top += BLOCK_SIDE)
      for (let left = 0; left < columns; left += BLOCK_SIDE) {
        let sum = 0;
        for (let y = top; y < top + BLOCK_SIDE; y++)
          for (let x = left; x < left + BLOCK_SIDE; x++) sum += caps[y * columns + x]!;
        const mean = sum / BLOCK_SIDE ** 2;
        this.#weights.fill(mean * mean, feature, feature + BLOCK_FEATURES);
        feature += BLOCK_FEATURES;
      }
  }

  #project(cells: Float64Array, change: Float64Array): void {
    const sums = this.#sums;
    for (let i = 0; i < sums.length; i++) sums[i] = cells[i]! + change[i]!;
    toFeatures(sums, this.#grid, this.#features);
  }

  #setTargets({ carriers, code }: SegmentTask, step: number): void {
    const { bits, dithers } = carriers;
    for (let i = 0; i < dithers.length; i++) {
      const bit = i < bits.length ? code[bits[i]!]! : 0;
      const offset = (dithers[i]! + bit / 2) * step;
      const nearest = Math.floor((projection(carriers, this.#features, i) - offset) / step + 0.5);
      this.#targets[i] = nearest * step + offset;
    }
  }

  #correct(carriers: Carriers, gain: number): void {
    const { start, features, signs, dithers } = carriers;
    this.#corrections.fill(0);
    for (let i = 0; i < dithers.length; i++) {
      const from = start[i]!;
      const to = start[i + 1]!;
      let weight = 0;
      for (let j = from; j < to; j++) weight += this.#weights[features[j]!]!;
      const error = this.#targets[i]! - projection(carriers, this.#features, i);
      const factor = (gain * error * Math.sqrt(to - from)) / weight;
      for (let j = from; j < to; j++) {
        const feature = features[j]!;
        this.#corrections[feature] = signs[j]! * this.#weights[feature]! * factor;
      }
    }
  }

  #coherence(carriers: Carriers, step: number): number {
    const count = carriers.dithers.length;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const error = this.#targets[i]! - projection(carriers, this.#features, i);
      sum += Math.cos((2 * Math.PI * error) / step);
    }
    return sum / count;
  }
}

/** The projection p of carrier `i`. */
export function projection({ start, features, signs }: Carriers, values: Float64Array, i: number): number {
  const from = start[i]!;
  const to = start[i + 1]!;
  let sum = 0;
  for (let j = from; j < to; j++) sum += signs[j]! * values[features[j]!]!;
  return sum / Math.sqrt(to - from);
}

function clip(change: Float64Array, caps: Float64Array): void {
  for (let i = 0; i < change.length; i++) change[i] = Math.min(Math.max(change[i]!, -caps[i]!), caps[i]!);
}

function meanSquare(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum / values.length;
}
