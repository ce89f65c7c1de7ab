import type { Measurement } from './load.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** One of those that are compared: it takes a round of load at a time. */
export interface Contestant {
  readonly name: string;
  /** Waits for something else than the server's work, so that its rate and latencies say nothing. */
  readonly paced?: boolean;
  round(milliseconds: number): Promise<Measurement>;
}

/** What a contestant showed: medians of its rounds, and how it compares with the first one in the same rounds. */
export interface Result extends Omit<Measurement, 'requests'> {
  readonly part: string;
  readonly name: string;
  readonly paced: boolean;
  /** The first contestant. */
  readonly base: string;
  /** Requests a second, as a multiple of the base's. */
  readonly rate: Spread;
  /** Processor time a request, as a multiple of the base's. */
  readonly time: Spread | undefined;
}

export interface Rounds {
  readonly rounds: number;
  readonly milliseconds: number;
}

/**
 * Lets the contestants take turns, so that whatever else the machine does meets all of them, and compares them round by
 * round. A first round, which warms them up, is not counted.
 */
export async function compare(
  part: string,
  contestants: readonly Contestant[],
  { rounds, milliseconds }: Rounds,
): Promise<Result[]> {
  const taken = contestants.map(() => [] as Measurement[]);
  for (const contestant of contestants) await contestant.round(milliseconds / 2);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, contestant] of contestants.entries()) {
      taken[index]?.push(await contestant.round(milliseconds));
    }
  }
  const base = taken[0] ?? [];
  return contestants.map(({ name, paced = false }, index) => ({
    part,
    name,
    paced,
    base: contestants[0]?.name ?? name,
    ...summary(taken[index] ?? [], base),
  }));
}

function summary(
  rounds: readonly Measurement[],
  base: readonly Measurement[],
): Omit<Result, 'part' | 'name' | 'paced' | 'base'> {
  const median = (pick: (round: Measurement) => number) => spreadOf(rounds.map(pick)).median;
  const optional = (pick: (round: Measurement) => number | undefined) => {
    const values = rounds.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : spreadOf(values).median;
  };
  const relative = (pick: (round: Measurement) => number | undefined) => {
    const ratios = rounds.map((round, index) => {
      const [own, others] = [pick(round), base[index] && pick(base[index])];
      return own === undefined || others === undefined ? undefined : own / others;
    });
    const known = ratios.filter((ratio) => ratio !== undefined);
    return known.length === 0 ? undefined : spreadOf(known);
  };
  return {
    requestsPerSecond: median((round) => round.requestsPerSecond),
    p50: median((round) => round.p50),
    p95: median((round) => round.p95),
    p99: median((round) => round.p99),
    clientLoad: median((round) => round.clientLoad),
    serverTime: optional((round) => round.serverTime),
    otherThreadsTime: optional((round) => round.otherThreadsTime),
    rate: relative((round) => round.requestsPerSecond) ?? spreadOf([1]),
    time: relative((round) => round.serverTime),
  };
}
