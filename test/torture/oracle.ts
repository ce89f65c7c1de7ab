// Counts events of a run and collects violated guarantees.
export const COUNTED = [
  'requests',
  'acknowledged',
  'registrations',
  'logins',
  'encrypted',
  'decrypted',
  'opens',
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
  'refused for now',
  'locks',
  'limits tried',
  'mails',
  'mail copies',
  'leases ended',
  'checks',
] as const;
export type Counted = (typeof COUNTED)[number];

export interface BrokenPromise {
  /** The guarantee, in a few words. */
  readonly guarantee: string;
  readonly detail: string;
  /** The actor that noticed it, with its own and all global events before. */
  readonly actor: string;
  readonly history: readonly string[];
}

export interface Oracle {
  readonly counts: Readonly<Record<Counted, number>>;
  readonly violations: readonly BrokenPromise[];
  count(what: Counted, by?: number): void;
  /** Notes an event in an actor's history; without an actor, in the global one. */
  note(actor: string | undefined, event: string): void;
  report(actor: string, guarantee: string, detail: string): void;
}

/** Number of events in a report. */
const HISTORY_LENGTH = 40;
/** A server that loses data breaks hundreds of promises; the first ones show the cause. */
const MAX_REPORTS = 200;

export function createOracle(): Oracle {
  const startedAt = performance.now();
  const counts = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Record<Counted, number>;
  const violations: BrokenPromise[] = [];
  const histories = new Map<string, string[]>();
  const globalEvents: string[] = [];

  function append(list: string[], line: string): void {
    list.push(line);
    if (list.length > HISTORY_LENGTH) list.shift();
  }

  return {
    counts,
    violations,
    count(what, by = 1) {
      counts[what] += by;
    },
    note(actor, event) {
      const line = `${((performance.now() - startedAt) / 1000).toFixed(3).padStart(8)} s  ${event}`;
      if (actor === undefined) {
        append(globalEvents, line);
        return;
      }
      const history = histories.get(actor) ?? [];
      histories.set(actor, history);
      append(history, line);
    },
    report(actor, guarantee, detail) {
      if (violations.length >= MAX_REPORTS) return;
      const history = [...(histories.get(actor) ?? []), ...globalEvents].sort().slice(-HISTORY_LENGTH);
      violations.push({ guarantee, detail, actor, history });
    },
  };
}

/** The counts as a table, and every violated guarantee with its history. */
export function formatReport({ counts, violations }: Pick<Oracle, 'counts' | 'violations'>, title: string): string {
  const rows = Object.entries(counts).map(([name, count]) => `  ${name.padEnd(22)}${String(count).padStart(9)}`);
  const descriptions = violations.map(({ guarantee, detail, actor, history }) =>
    [
      ``,
      `VIOLATED: ${guarantee}`,
      `  ${detail}`,
      `  noticed by ${actor}; before that:`,
      ...history.map((line) => `    ${line}`),
    ].join('\n'),
  );
  return [
    title,
    ...rows,
    `  ${'VIOLATED GUARANTEES'.padEnd(22)}${String(violations.length).padStart(9)}`,
    ...descriptions,
    '',
  ].join('\n');
}
