import { Problem } from '../../protocol/problems.ts';

/** Lets work on the same key happen one at a time, in the order it came. */
export interface KeyedMutex {
  /** @throws Problem `overloaded` if too many wait for the same key */
  take<T>(key: string, work: () => Promise<T>): Promise<T>;
}

/** @param limit how many may wait for one key */
export function createKeyedMutex(limit: number): KeyedMutex {
  const lines = new Map<string, { length: number; last: Promise<unknown> }>();
  return {
    async take(key, work) {
      const line = lines.get(key) ?? { length: 0, last: Promise.resolve() };
      if (line.length >= limit) throw new Problem('overloaded', { retryAfterSeconds: 1 });
      lines.set(key, line);
      line.length += 1;
      const turn = line.last.then(work);
      line.last = turn.catch(() => {});
      try {
        return await turn;
      } finally {
        line.length -= 1;
        if (line.length === 0) lines.delete(key);
      }
    },
  };
}
