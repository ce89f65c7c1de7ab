// The recorded request of the stored session that has no response yet.
import type { CommonOptions } from '../commonOptions.ts';

/** @returns the body of the recorded request, which identifies it; undefined if there is none */
export function readPending({ serverState, suite }: CommonOptions): string | undefined {
  try {
    const { pending } = JSON.parse(serverState.session(suite).load() ?? '{}') as { pending?: { body?: unknown } };
    return typeof pending?.body === 'string' ? pending.body : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Explains what the missing response of a command means.
 *
 * @param before the recorded request before the command
 * @param after the recorded request after the command
 */
export function describePending(before: string | undefined, after: string | undefined): string[] {
  if (after === undefined) return [];
  if (after === before) {
    return [
      'Nothing new was sent, because an earlier request has no response yet. The next command resolves it first.',
      'To see the result of the earlier request, repeat the earlier command.',
    ];
  }
  return [
    'It is unknown whether the server received the request. It is recorded, and the next command resolves it first.',
    'To see the result, repeat the same command: it is not executed twice.',
  ];
}
