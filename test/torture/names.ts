import type { Oracle } from './oracle.ts';

/** A name that many want and one can have. */
type Claim = {
  readonly holder: string;
  readonly since: number;
  /** Sure to be held: acknowledged, and no request to give it up was sent. */
  held: boolean;
  /** The holder had it for sure at some time, and so keeps it reserved. */
  wasHeld: boolean;
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
  const claims = new Map<string, Claim[]>();

  function claimsOn(name: string): Claim[] {
    const list = claims.get(name) ?? [];
    claims.set(name, list);
    return list;
  }

  function current(name: string, holder: string): Claim | undefined {
    return claimsOn(name).find((claim) => claim.holder === holder && claim.until === Number.POSITIVE_INFINITY);
  }

  return {
    doubt(name, holder) {
      const claim = current(name, holder);
      if (claim) claim.held = false;
      else {
        const since = performance.now();
        claimsOn(name).push({ holder, since, held: false, wasHeld: false, until: Number.POSITIVE_INFINITY });
      }
    },
    settle(name, holder, has) {
      const claim = current(name, holder);
      if (!claim) throw new Error(`${holder} never asked for ${name}`);
      claim.held = has;
      claim.wasHeld ||= has;
      if (!has) claim.until = performance.now();
      const other = claimsOn(name).find(({ wasHeld, holder: someone }) => wasHeld && someone !== holder);
      if (has && other) oracle.report(holder, "a name is one account's", `${name} is or was ${other.holder}'s`);
    },
    doubted(holder) {
      return [...claims.keys()].filter((name) => current(name, holder)?.held === false);
    },
    refused(name, holder, since) {
      const possible = claimsOn(name).some(
        (claim) => claim.holder !== holder && (claim.until >= since || claim.wasHeld),
      );
      if (!possible) oracle.report(holder, 'a name that nobody has or had can be had', `${name} was refused`);
    },
  };
}
