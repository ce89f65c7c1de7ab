// The states of token messages, as recipients and senders see them.
import type { ProblemCode } from '../../protocol/problems.ts';
import { ENDED_BY, type TokenMessage } from '../store/tokenMessages.ts';

export type MessageState = 'active' | 'expired' | 'used_up' | 'revoked' | 'finished';

/** The problem that opening a message in a state other than active is. */
export const problemOfState: Readonly<Record<Exclude<MessageState, 'active'>, ProblemCode>> = {
  expired: 'message_expired',
  used_up: 'message_used_up',
  revoked: 'message_revoked',
  finished: 'message_finished',
};

const STATES: Readonly<Record<number, MessageState>> = {
  [ENDED_BY.time]: 'expired',
  [ENDED_BY.opens]: 'used_up',
  [ENDED_BY.sender]: 'revoked',
  [ENDED_BY.recipient]: 'finished',
  [ENDED_BY.operator]: 'expired',
};

/** Returns the state that the recipient sees. */
export function stateOf({ ended_by, expires_at }: TokenMessage, now: number): MessageState {
  if (ended_by !== null) return STATES[ended_by] ?? 'expired';
  return isPast(expires_at, now) ? 'expired' : 'active';
}

/** The end of a message as its sender sees it. */
export interface ShownEnd {
  readonly state: MessageState;
  /** Milliseconds since 1970; null while it is active. */
  readonly endedAt: number | null;
}

/** Returns the end that the sender sees. Without a receipt, it must not reveal whether the message was opened or finished. */
export function shownEndOf(message: TokenMessage, now: number): ShownEnd {
  const { receipt, ended_by, ended_at, expires_at } = message;
  const isHidden = !receipt && (ended_by === ENDED_BY.opens || ended_by === ENDED_BY.recipient);
  const state = stateOf(isHidden ? { ...message, ended_by: null } : message, now);
  if (state === 'active') return { state, endedAt: null };
  return { state, endedAt: isHidden ? expires_at : (ended_at ?? expires_at) };
}

function isPast(time: number | null, now: number): boolean {
  return time !== null && time <= now;
}
