// Comparison of candidates in rounds, and what a run measures.
import { type Act, type Measurement, runLoad } from './load.ts';
import { type Spread, spreadOf } from './statistics.ts';
import type { Target } from './target.ts';

/** One side of a comparison. */
export interface Candidate {
  readonly name: string;
  /** Mostly waits for something other than the server, so that its rate and latencies mean nothing. */
  readonly paced?: boolean;
  round(milliseconds: number): Promise<Measurement>;
}

/** Medians of a candidate's rounds, and ratios to the first candidate in the same rounds. */
export interface Result extends Omit<Measurement, 'requests'> {
  readonly part: string;
  readonly name: string;
  readonly paced: boolean;
  /** The first candidate. */
  readonly base: string;
  /** Requests a second, as a multiple of the base's. */
  readonly rate: Spread;
  /** Processor time a request, as a multiple of the base's. */
  readonly time: Spread | undefined;
}

/** Amount and place of the measurements. */
export interface Context {
  /** Of each comparison. */
  readonly rounds: number;
  /** The length of a round. */
  readonly milliseconds: number;
  readonly quick: boolean;
  /** The processors for what is measured; undefined where processes cannot be pinned. */
  readonly processors: readonly string[] | undefined;
  /** Requests after which the memory is measured. */
  readonly memoryRequests: number;
  /** A PostgreSQL server on which databases can be created, if there is one. */
  readonly postgresUrl: string | undefined;
  /** The folder of another version, with its packages installed, to compare this one with. */
  readonly otherCheckout: string | undefined;
}

/** Returns a candidate whose users put load on the targets. */
export function candidate<U>(name: string, targets: readonly Target[], users: readonly U[], act: Act<U>): Candidate {
  const pids = targets.map(({ pid }) => pid);
  return { name, round: (milliseconds) => runLoad(users, act, { milliseconds, pids }) };
}

/**
 * Measures the candidates in turn, so that other load on the machine affects all of them, and compares them round by
 * round. A first round warms them up and does not count.
 */
export async function compare(
  part: string,
  candidates: readonly Candidate[],
  { rounds, milliseconds }: Pick<Context, 'rounds' | 'milliseconds'>,
): Promise<Result[]> {
  const taken = candidates.map(() => [] as Measurement[]);
  for (const candidate of candidates) await candidate.round(milliseconds / 2);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, candidate] of candidates.entries()) {
      taken[index]?.push(await candidate.round(milliseconds));
    }
  }
  const base = taken[0] ?? [];
  return candidates.map(({ name, paced = false }, index) => ({
    part,
    name,
    paced,
    base: candidates[0]?.name ?? name,
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
