import type { CommonOptions } from '../commonOptions.ts';

/** What tells the recorded request without an answer from any other one; undefined if there is none. */
export function readPending({ kept, suite }: CommonOptions): string | undefined {
  try {
    const { pending } = JSON.parse(kept.session(suite).load() ?? '{}') as { pending?: { body?: unknown } };
    return typeof pending?.body === 'string' ? pending.body : undefined;
  } catch {
    return undefined;
  }
}

/** What to say when a command got no answer, given the recorded request before it and the one after it. */
export function describePending(earlier: string | undefined, now: string | undefined): string[] {
  if (now === undefined) return [];
  if (now === earlier) {
    return [
      'Nothing new was sent: an earlier request is still without an answer. The next command settles it first;',
      'the earlier command again tells what came of it.',
    ];
  }
  return [
    'It is not known whether the request arrived. It is recorded, and the next command settles it first:',
    'the same command again tells what came of it.',
  ];
}
