// Contested usernames and their possible holders.
import type { Oracle } from './oracle.ts';

/** A contested name and its possible holder. */
type Holding = {
  readonly holder: string;
  readonly since: number;
  /** Certainly held: acknowledged, and no request to change it was sent. */
  held: boolean;
  /** The holder certainly had it at some time, and so keeps it reserved. */
  wasHeld: boolean;
  /** Last time at which the holder may have had it. */
  until: number;
};

/** Holders of the contested names, as far as responses show. */
export interface NameRegistry {
  /** The holder is about to request or release a name: from now on it is uncertain. */
  markUncertain(name: string, holder: string): void;
  /** It is certain whether the holder has the name. */
  settle(name: string, holder: string, has: boolean): void;
  /** Names that a holder may or may not have. */
  uncertainNames(holder: string): string[];
  /** A request was refused because the name is taken; `since` is when it was sent, as `performance.now()`. */
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
    markUncertain(name, holder) {
      const holding = current(name, holder);
      if (holding) holding.held = false;
      else {
        const since = performance.now();
        holdingsOf(name).push({ holder, since, held: false, wasHeld: false, until: Number.POSITIVE_INFINITY });
      }
    },
    settle(name, holder, has) {
      const holding = current(name, holder);
      if (!holding) throw new Error(`${holder} never requested ${name}`);
      holding.held = has;
      holding.wasHeld ||= has;
      if (!has) holding.until = performance.now();
      const other = holdingsOf(name).find(({ wasHeld, holder: another }) => wasHeld && another !== holder);
      if (has && other) oracle.report(holder, 'a name belongs to one account', `${name} is or was ${other.holder}'s`);
    },
    uncertainNames(holder) {
      return [...holdings.keys()].filter((name) => current(name, holder)?.held === false);
    },
    refused(name, holder, since) {
      const possible = holdingsOf(name).some(
        (holding) => holding.holder !== holder && (holding.until >= since || holding.wasHeld),
      );
      if (!possible) oracle.report(holder, 'a name that no account has or had can be taken', `${name} was refused`);
    },
  };
}
