/** What a run counts, and the promises that it saw broken. */
export const COUNTED = [
  'requests',
  'acknowledged',
  'registrations',
  'logins',
  'encrypted',
  'decrypted',
  'renames',
  'password changes',
  'recoveries',
  'races',
  'kills',
  'restarts',
  'database cuts',
  'refused connections',
  'lost answers',
  'resends',
  'given up',
  'duplicates sent',
  'same answer again',
  'told to come back',
  'locks',
  'limits tried',
  'mails',
  'mail copies',
  'leases ended',
  'checks',
] as const;
export type Counted = (typeof COUNTED)[number];

export interface BrokenPromise {
  /** What the server had promised, in a few words. */
  readonly promise: string;
  readonly detail: string;
  /** Who saw it, and what it and the whole run did before: enough to see the order of events. */
  readonly actor: string;
  readonly history: readonly string[];
}

export interface Oracle {
  readonly counts: Readonly<Record<Counted, number>>;
  readonly broken: readonly BrokenPromise[];
  count(what: Counted, by?: number): void;
  /** Notes an event in an actor's history; without an actor, in everybody's. */
  note(actor: string | undefined, event: string): void;
  report(actor: string, promise: string, detail: string): void;
}

/** How many events of the past a report tells. */
const HISTORY_LENGTH = 40;
/** A server that forgets breaks promises by the hundred; the first ones tell why. */
const MAX_REPORTS = 200;

export function createOracle(): Oracle {
  const startedAt = performance.now();
  const counts = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Record<Counted, number>;
  const broken: BrokenPromise[] = [];
  const histories = new Map<string, string[]>();
  const everybodys: string[] = [];

  function append(list: string[], line: string): void {
    list.push(line);
    if (list.length > HISTORY_LENGTH) list.shift();
  }

  return {
    counts,
    broken,
    count(what, by = 1) {
      counts[what] += by;
    },
    note(actor, event) {
      const line = `${((performance.now() - startedAt) / 1000).toFixed(3).padStart(8)} s  ${event}`;
      if (actor === undefined) {
        append(everybodys, line);
        return;
      }
      const history = histories.get(actor) ?? [];
      histories.set(actor, history);
      append(history, line);
    },
    report(actor, promise, detail) {
      if (broken.length >= MAX_REPORTS) return;
      const history = [...(histories.get(actor) ?? []), ...everybodys].sort().slice(-HISTORY_LENGTH);
      broken.push({ promise, detail, actor, history });
    },
  };
}

/** The counts as a table, and every broken promise with what led to it. */
export function formatReport({ counts, broken }: Pick<Oracle, 'counts' | 'broken'>, title: string): string {
  const rows = Object.entries(counts).map(([name, count]) => `  ${name.padEnd(22)}${String(count).padStart(9)}`);
  const stories = broken.map(({ promise, detail, actor, history }) =>
    [
      ``,
      `BROKEN: ${promise}`,
      `  ${detail}`,
      `  seen by ${actor}; before that:`,
      ...history.map((line) => `    ${line}`),
    ].join('\n'),
  );
  return [title, ...rows, `  ${'BROKEN PROMISES'.padEnd(22)}${String(broken.length).padStart(9)}`, ...stories, ''].join(
    '\n',
  );
}
