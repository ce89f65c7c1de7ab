// Takes timing samples and compares them.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';
import { newPerson, register } from '../support/people.ts';
import { type Comparison, compare, differs } from './statistics.ts';

/** The two kinds of requests that must look alike. */
export type Kind = 'known' | 'unknown';

/** Takes one sample. @returns milliseconds */
export type Sample = (kind: Kind, index: number) => Promise<number>;

/** Addresses of each kind. */
export const ADDRESSES = 12;
/** In milliseconds; smaller differences cannot be measured over a network. */
export const MIN_SHIFT = 0.1;
/** In milliseconds; the duration of a hash, about 20 ms, varies. */
export const MIN_SHIFT_OF_HASHES = 0.5;
/** Lets the server finish the work of the previous sample. */
export const PAUSE_MS = 5;
/** Pairs for warm-up; their times do not count. */
const WARM_UP = 5;

/** Registers the known addresses. @returns the address of a sample */
export async function createAddresses(server: {
  readonly url: string;
}): Promise<(kind: Kind, index: number) => string> {
  const emails: Record<Kind, string[]> = { known: [], unknown: [] };
  for (let count = 0; count < ADDRESSES; count++) {
    const person = newPerson();
    await register(server, person);
    emails.known.push(person.email);
    emails.unknown.push(newPerson().email);
  }
  return (kind, index) => emails[kind][index % ADDRESSES] ?? assert.fail();
}

/** Takes samples of both kinds in pairs and random order, so that other load affects both equally. */
export async function comparePairs(pairs: number, sample: Sample): Promise<Comparison> {
  const times: Record<Kind, number[]> = { known: [], unknown: [] };
  for (let index = 0; index < WARM_UP + pairs; index++) {
    const order: Kind[] = randomInt(2) === 0 ? ['known', 'unknown'] : ['unknown', 'known'];
    for (const kind of order) {
      const milliseconds = await sample(kind, index);
      if (index >= WARM_UP) times[kind].push(milliseconds);
    }
  }
  return compare(times.known, times.unknown);
}

/**
 * Looks for a difference, and a second time if there seems to be one.
 *
 * @param minShift milliseconds
 * @returns whether both looks found it, in the same direction
 */
export async function findsDifference(
  t: TestContext,
  pairs: number,
  minShift: number,
  sample: Sample,
): Promise<boolean> {
  const look = async (): Promise<Comparison | undefined> => {
    const found = await comparePairs(pairs, sample);
    const { p, superiority, shift } = found;
    t.diagnostic(`p ${p.toExponential(1)}, A ${superiority.toFixed(2)}, shift ${Math.round(shift * 1000)} µs`);
    return differs(found, minShift) ? found : undefined;
  };
  const first = await look();
  const second = first && (await look());
  return second !== undefined && first !== undefined && first.shift > 0 === second.shift > 0;
}

export async function expectSameTime(t: TestContext, pairs: number, minShift: number, sample: Sample): Promise<void> {
  const found = await findsDifference(t, pairs, minShift, sample);
  assert.ok(!found, 'the time reveals known addresses: see the diagnostics');
}
