import type { Oracle } from './oracle.ts';

/** A name that many want and one can have. */
type Holding = {
  readonly holder: string;
  readonly since: number;
  /** Sure to be held: acknowledged, and no request to give it up was sent. */
  held: boolean;
  /** Until when the holder may have had it. */
  until: number;
};

/** Who holds the names that many want, as far as the answers tell. */
export interface NameRegistry {
  /** The holder is about to ask for a name, or to give it up: from now on it may have it or not. */
  doubt(name: string, holder: string): void;
  /** It is known whether the holder has the name. */
  settle(name: string, holder: string, has: boolean): void;
  /** The names that a holder may have or not. */
  doubted(holder: string): string[];
  /** Somebody was told that a name is taken; `since` is when it asked, as `performance.now()`. */
  refused(name: string, holder: string, since: number): void;
}

export function createNameRegistry(oracle: Oracle): NameRegistry {
  const holdings = new Map<string, Holding[]>();

  function holdingsOf(name: string): Holding[] {
    const list = holdings.get(name) ?? [];
    holdings.set(name, list);
    return list;
  }

  function current(name: string, holder: string): Holding | undefined {
    return holdingsOf(name).find((holding) => holding.holder === holder && holding.until === Number.POSITIVE_INFINITY);
  }

  return {
    doubt(name, holder) {
      const holding = current(name, holder);
      if (holding) holding.held = false;
      else holdingsOf(name).push({ holder, since: performance.now(), held: false, until: Number.POSITIVE_INFINITY });
    },
    settle(name, holder, has) {
      const holding = current(name, holder);
      if (!holding) throw new Error(`${holder} never asked for ${name}`);
      holding.held = has;
      if (!has) holding.until = performance.now();
      const other = holdingsOf(name).find(({ held, holder: someone }) => held && someone !== holder);
      if (has && other) oracle.report(holder, "a name is one account's", `${name} is also ${other.holder}'s`);
    },
    doubted(holder) {
      return [...holdings.keys()].filter((name) => current(name, holder)?.held === false);
    },
    refused(name, holder, since) {
      const possible = holdingsOf(name).some((holding) => holding.holder !== holder && holding.until >= since);
      if (!possible) oracle.report(holder, 'a name that nobody has can be had', `${name} was refused`);
    },
  };
}
