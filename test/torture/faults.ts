import type { Random } from './random.ts';

/** What may happen to a request on its way through the proxy, with how often it does. */
const FAULTS = {
  none: 50,
  /** The connection breaks before the request gets through. */
  'drop request': 5,
  /** Half of the request gets through. */
  'cut request': 5,
  /** The request gets through; nobody waits for the answer. */
  'drop answer': 8,
  /** The answer arrives at the proxy and no further. */
  'withhold answer': 8,
  /** Part of the answer arrives. */
  'cut answer': 6,
  'delay request': 4,
  'delay answer': 4,
  /** Two copies of the request get through at once. */
  duplicate: 6,
  /** A copy of the request gets through after its answer did. */
  'duplicate later': 4,
} as const;

export type Fault = keyof typeof FAULTS;

/** Tells the proxy what to do to a request; the proxy removes it. */
export const FAULT_HEADER = 'x-fault';

export function isFault(text: string): text is Fault {
  return text in FAULTS;
}

/** How many copies of a request reach a server at most. */
export function copiesOf(fault: Fault): number {
  return fault === 'duplicate' || fault === 'duplicate later' ? 2 : 1;
}

/** @param rate from 0, no faults at all, to 1, the weights as they are */
export function pickFault(random: Random, rate: number): Fault {
  return random.chance(rate) ? random.weighted(FAULTS) : 'none';
}
