// Network faults and their probabilities.
import type { Random } from './random.ts';

/** Faults of the proxy, with their weights. */
const FAULTS = {
  none: 50,
  /** The connection breaks before the request is forwarded. */
  'drop request': 5,
  /** Half of the request is forwarded. */
  'cut request': 5,
  /** The request is forwarded; the proxy does not wait for the response. */
  'drop answer': 8,
  /** The response reaches the proxy but not the client. */
  'withhold answer': 8,
  /** The client receives a part of the response. */
  'cut answer': 6,
  'delay request': 4,
  'delay answer': 4,
  /** Two copies of the request are forwarded at once. */
  duplicate: 6,
  /** A copy of the request is forwarded after the response. */
  'duplicate later': 4,
} as const;

export type Fault = keyof typeof FAULTS;

/** Selects the fault of a request; the proxy removes it. */
export const FAULT_HEADER = 'x-fault';

export function isFault(text: string): text is Fault {
  return text in FAULTS;
}

/** Maximum number of copies of a request that reach a server. */
export function copiesOf(fault: Fault): number {
  return fault === 'duplicate' || fault === 'duplicate later' ? 2 : 1;
}

/** @param rate from 0 (no faults) to 1 (the weights above) */
export function pickFault(random: Random, rate: number): Fault {
  return random.chance(rate) ? random.weighted(FAULTS) : 'none';
}
