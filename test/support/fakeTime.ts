// A clock that only tests advance, with its timers.
export interface FakeTime {
  readonly clock: () => number;
  readonly startTimer: (callback: () => void, milliseconds: number) => () => void;
  /** Advances the clock and calls every timer at its due time. */
  advance(milliseconds: number): void;
}

export function createFakeTime(start = Date.UTC(2026, 10, 22, 14, 22)): FakeTime {
  let now = start;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  return {
    clock: () => now,
    startTimer(callback, milliseconds) {
      const timer = { at: now + milliseconds, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.callback();
      }
      now = end;
    },
  };
}
