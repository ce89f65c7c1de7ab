/** Costs of the stored password hashes, and dummy hashes of the same costs for accounts that do not exist. */
import { randomBytes } from 'node:crypto';
import type { Store } from '../store/store.ts';
import { findPasswordHashes } from '../store/users.ts';

const PAGE_SIZE = 1_000;
/** Other processes and new accounts change the proportions slowly. */
const RECOUNT_INTERVAL_MS = 60 * 60 * 1000;
const SALT_LENGTH = 16;
const DIGEST_LENGTH = 32;

/**
 * The number of stored hashes of each cost. After a change of the settings, hashes of several costs are stored, and a check
 * takes as long as the stored hash demands. An address without an account gets one of these costs, always the same one, in
 * the proportion in which accounts have them.
 */
export class HashCosts {
  readonly #configured: string;
  readonly #clock: () => number;
  #counts = new Map<string, number>();
  #firstCount: Promise<void> | undefined;
  #countedAt = 0;

  /** @param configured parameters of new hashes, such as `m=19456,t=2,p=1` */
  constructor(configured: string, clock: () => number) {
    this.#configured = configured;
    this.#clock = clock;
  }

  /** Counts the stored hashes: at the first call before it resolves, later at intervals in the background. */
  load(store: Store): Promise<void> {
    if (this.#firstCount && this.#clock() - this.#countedAt >= RECOUNT_INTERVAL_MS) {
      // Without a new count, the last one stays.
      void this.#count(store).catch(() => {});
    }
    this.#firstCount ??= this.#count(store).catch((error) => {
      this.#firstCount = undefined;
      throw error;
    });
    return this.#firstCount;
  }

  /**
   * Returns a dummy hash.
   *
   * @param point from 0 to 1, the same for every check of an address
   */
  dummyHash(point: number): string {
    const costs = [...this.#counts].filter(([, count]) => count > 0).sort(([a], [b]) => workOf(a) - workOf(b));
    let rest = point * costs.reduce((sum, [, count]) => sum + count, 0);
    for (const [parameters, count] of costs) {
      rest -= count;
      if (rest < 0) return dummyOf(parameters);
    }
    return dummyOf(costs.at(-1)?.[0] ?? this.#configured);
  }

  /** Returns a dummy hash of the same cost as a stored hash. */
  dummyLike(passwordHash: string): string {
    return dummyOf(parametersOf(passwordHash) ?? this.#configured);
  }

  /** Counts a stored hash that another process may have written. */
  notice(passwordHash: string): void {
    const parameters = parametersOf(passwordHash);
    if (parameters && !this.#counts.get(parameters)) this.#counts.set(parameters, 1);
  }

  /** Counts the replacement of a stored hash. */
  replace(was: string, becomes: string): void {
    add(this.#counts, was, -1);
    add(this.#counts, becomes, 1);
  }

  async #count(store: Store): Promise<void> {
    this.#countedAt = this.#clock();
    const counts = new Map<string, number>();
    let last: Uint8Array | undefined = new Uint8Array();
    while (last) {
      const after: Uint8Array = last;
      const page = await store.transaction((tx) => findPasswordHashes(tx, after, PAGE_SIZE));
      for (const { password_hash } of page) add(counts, password_hash, 1);
      last = page.length === PAGE_SIZE ? page.at(-1)?.user_id : undefined;
    }
    this.#counts = counts;
  }
}

function add(counts: Map<string, number>, passwordHash: string, change: number): void {
  const parameters = parametersOf(passwordHash);
  if (parameters) counts.set(parameters, Math.max(0, (counts.get(parameters) ?? 0) + change));
}

/** Returns the part of a hash that states its cost. */
export function parametersOf(passwordHash: string): string | undefined {
  return passwordHash.split('$')[3];
}

function workOf(parameters: string): number {
  const [, memory, iterations] = /^m=(\d+),t=(\d+)/.exec(parameters) ?? [];
  return Number(memory) * Number(iterations);
}

/** Returns a hash that no password matches. */
function dummyOf(parameters: string): string {
  const base64 = (length: number) => randomBytes(length).toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$${parameters}$${base64(SALT_LENGTH)}$${base64(DIGEST_LENGTH)}`;
}
