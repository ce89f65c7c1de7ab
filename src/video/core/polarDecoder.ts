// CRC-aided successive cancellation list decoding of the polar code (Tal and Vardy), in the min-sum form.
//
// A node of the code tree has the LLRs of its code bits for every path of the list and returns their decided bits. The
// paths that survive a node are not the ones that entered it, so a node also returns the origin of each path: the
// number that it had on entry. Rows of earlier nodes are looked up through origins and never copied.
import { type PolarCode, transform } from './polar.ts';

/** Buffers of one depth of the tree; all nodes of the depth use them in turn. Rows of paths are `size` apart. */
interface Level {
  readonly size: number;
  readonly llr: Float32Array;
  /** Decided bits of the first and of the second half. */
  readonly first: Uint8Array;
  readonly second: Uint8Array;
  readonly firstOrigin: Uint8Array;
  readonly secondOrigin: Uint8Array;
}

/** Decodes words of one code with a list of fixed size. Keeps its buffers for the next word. */
export class PolarDecoder {
  readonly #code: PolarCode;
  readonly #list: number;
  readonly #levels: Level[] = [];
  /** Frozen positions before each position, to find nodes without information. */
  readonly #frozenBefore: Uint16Array;
  readonly #word: Uint8Array;
  readonly #origin: Uint8Array;
  #metrics: Float64Array;
  #nextMetrics: Float64Array;
  readonly #candidates: Float64Array;
  readonly #order: Uint8Array;
  #paths = 1;

  /** @param list number of paths, at most 128 */
  constructor(code: PolarCode, list: number) {
    this.#code = code;
    this.#list = list;
    for (let size = code.length; size > 1; size >>= 1) this.#levels.push(createLevel(size, list));
    this.#levels.push(createLevel(1, list));
    this.#frozenBefore = new Uint16Array(code.length + 1);
    for (let i = 0; i < code.length; i++) this.#frozenBefore[i + 1] = this.#frozenBefore[i]! + code.frozen[i]!;
    this.#word = new Uint8Array(code.length * list);
    this.#origin = new Uint8Array(list);
    this.#metrics = new Float64Array(list);
    this.#nextMetrics = new Float64Array(list);
    this.#candidates = new Float64Array(2 * list);
    this.#order = new Uint8Array(2 * list);
  }

  /**
   * Decodes a word.
   *
   * @param llr log-likelihood ratio of each code bit, positive for 0
   * @param accept called with the K bits of each path, the likeliest first
   * @returns the first result that is not undefined
   */
  decode<Result>(llr: Float32Array, accept: (block: Uint8Array) => Result | undefined): Result | undefined {
    const { length, positions } = this.#code;
    this.#levels[0]!.llr.set(llr);
    this.#metrics[0] = 0;
    this.#paths = 1;
    this.#node(0, 0, this.#word, this.#origin);

    const ranked = Array.from({ length: this.#paths }, (_, path) => path);
    ranked.sort((a, b) => this.#metrics[a]! - this.#metrics[b]! || a - b);
    const block = new Uint8Array(positions.length);
    for (const path of ranked) {
      const bits = this.#word.slice(path * length, (path + 1) * length);
      transform(bits);
      for (let i = 0; i < block.length; i++) block[i] = bits[positions[i]!]!;
      const result = accept(block);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  /** Decodes the node at `depth` that begins at `position`, into the rows of `bits` and `origin`. */
  #node(depth: number, position: number, bits: Uint8Array, origin: Uint8Array): void {
    const level = this.#levels[depth]!;
    const size = level.size;
    const frozen = this.#frozenBefore[position + size]! - this.#frozenBefore[position]!;
    if (frozen === size) this.#decideZero(level, bits, origin);
    else if (frozen === size - 1 && this.#code.frozen[position + size - 1] === 0) this.#decideOne(level, bits, origin);
    else this.#split(depth, position, bits, origin);
  }

  #split(depth: number, position: number, bits: Uint8Array, origin: Uint8Array): void {
    const { size, llr, first, second, firstOrigin, secondOrigin } = this.#levels[depth]!;
    const half = size >> 1;
    const childLlr = this.#levels[depth + 1]!.llr;

    for (let path = 0; path < this.#paths; path++) combine(llr, path * size, half, childLlr, path * half);
    this.#node(depth + 1, position, first, firstOrigin);

    for (let path = 0; path < this.#paths; path++)
      cancel(llr, firstOrigin[path]! * size, half, first, childLlr, path * half);
    this.#node(depth + 1, position + half, second, secondOrigin);

    for (let path = 0; path < this.#paths; path++) {
      const before = secondOrigin[path]!;
      origin[path] = firstOrigin[before]!;
      const row = path * size;
      for (let j = 0; j < half; j++) {
        const bit = second[path * half + j]!;
        bits[row + j] = first[before * half + j]! ^ bit;
        bits[row + half + j] = bit;
      }
    }
  }

  /** A node without information: all bits are 0. */
  #decideZero({ size, llr }: Level, bits: Uint8Array, origin: Uint8Array): void {
    bits.fill(0, 0, this.#paths * size);
    for (let path = 0; path < this.#paths; path++) {
      origin[path] = path;
      this.#metrics[path] = this.#metrics[path]! + penalty(llr, path * size, size, 0);
    }
  }

  /** A node with one information bit, the last, which all code bits repeat: every path forks, and the best stay. */
  #decideOne({ size, llr }: Level, bits: Uint8Array, origin: Uint8Array): void {
    const count = 2 * this.#paths;
    const candidates = this.#candidates;
    for (let i = 0; i < count; i++) candidates[i] = this.#metrics[i >> 1]! + penalty(llr, (i >> 1) * size, size, i & 1);
    this.#rank(count);
    this.#paths = Math.min(count, this.#list);
    for (let path = 0; path < this.#paths; path++) {
      const candidate = this.#order[path]!;
      origin[path] = candidate >> 1;
      this.#nextMetrics[path] = candidates[candidate]!;
      bits.fill(candidate & 1, path * size, (path + 1) * size);
    }
    [this.#metrics, this.#nextMetrics] = [this.#nextMetrics, this.#metrics];
  }

  /** Sorts the candidates by metric; equal ones keep their order. */
  #rank(count: number): void {
    const candidates = this.#candidates;
    const order = this.#order;
    for (let i = 0; i < count; i++) {
      const metric = candidates[i]!;
      let j = i;
      for (; j > 0 && candidates[order[j - 1]!]! > metric; j--) order[j] = order[j - 1]!;
      order[j] = i;
    }
  }
}

function createLevel(size: number, list: number): Level {
  const half = size >> 1;
  return {
    size,
    llr: new Float32Array(size * list),
    first: new Uint8Array(half * list),
    second: new Uint8Array(half * list),
    firstOrigin: new Uint8Array(list),
    secondOrigin: new Uint8Array(list),
  };
}

/** LLRs of the first half: sign(a)·sign(b)·min(|a|, |b|). */
function combine(llr: Float32Array, row: number, half: number, target: Float32Array, to: number): void {
  for (let j = 0; j < half; j++) {
    const a = llr[row + j]!;
    const b = llr[row + half + j]!;
    const least = Math.min(Math.abs(a), Math.abs(b));
    target[to + j] = a < 0 === b < 0 ? least : -least;
  }
}

/** LLRs of the second half, after the first is decided: b + a for 0, b − a for 1. */
function cancel(
  llr: Float32Array,
  row: number,
  half: number,
  bits: Uint8Array,
  target: Float32Array,
  to: number,
): void {
  for (let j = 0; j < half; j++) {
    const a = llr[row + j]!;
    const b = llr[row + half + j]!;
    target[to + j] = bits[to + j] === 0 ? b + a : b - a;
  }
}

/** The sum of |LLR| over the positions of which the sign contradicts `bit`. */
function penalty(llr: Float32Array, row: number, size: number, bit: number): number {
  let sum = 0;
  for (let j = row; j < row + size; j++) {
    const value = bit === 0 ? llr[j]! : -llr[j]!;
    if (value < 0) sum -= value;
  }
  return sum;
}
