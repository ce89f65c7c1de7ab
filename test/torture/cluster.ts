// Server processes on one database, each with its own line to it that can be cut.
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreLocation } from '../../src/server/store/open.ts';
import type { Settings, TestServer } from '../support/server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcpProxy.ts';
import type { Random } from './random.ts';

/** Runs cleanups at the end: a test, or a program in place of one. */
export type Cleanup = Pick<TestContext, 'after'>;

const MAX_OUTAGE_MS = 1_000;
/** Probability that a cut affects all lines, like a crash of the database server. */
const ALL_LINES_CHANCE = 0.3;
/** Probability that a cut lasts. */
const OUTAGE_CHANCE = 0.4;

export interface Member {
  readonly name: string;
  readonly server: TestServer;
}

export interface Cluster {
  readonly members: readonly Member[];
  /** The next of the members that are up. */
  next(): Member | undefined;
  /** Resolves when a member is up. @throws if one could not be restarted */
  someUp(): Promise<void>;
  /** Sends SIGKILL. @throws if the process had ended earlier */
  kill(member: Member): Promise<void>;
  start(member: Member): Promise<void>;
  stopAll(): Promise<void>;
  startAll(): Promise<void>;
  /**
   * Cuts the line to the database of one member or of all, briefly or for a while. Lines of members that are down or
   * starting are not cut: repeating a start that failed for lack of a database is up to a supervisor.
   *
   * @param onCut called for each line that is cut
   */
  cutLines(random: Random, onCut: (member: Member) => void): Promise<void>;
}

export interface ClusterOptions {
  readonly startServer: (settings: Settings) => Promise<TestServer>;
  readonly processes: number;
  readonly database: StoreLocation;
  readonly settings: Settings;
}

interface MemberState extends Member {
  readonly line: TcpProxy | undefined;
  up: boolean;
  /** Resolves when the line is restored. */
  outage: Promise<void>;
}

export async function startCluster(t: Cleanup, options: ClusterOptions): Promise<Cluster> {
  const { processes, database, settings, startServer } = options;
  // At once, on an empty database: one of them creates the tables.
  const members: MemberState[] = await Promise.all(
    Array.from({ length: processes }, async (_, index) => {
      const { url, line } = await openLine(t, database);
      const server = await startServer({ ...settings, DATABASE_URL: url });
      return { name: `process ${index + 1}`, server, line, up: true, outage: Promise.resolve() };
    }),
  );
  let turn = 0;
  let up = Promise.withResolvers<void>();
  up.resolve();

  const stateOf = (member: Member): MemberState => members.find((state) => state === member) as MemberState;

  function setDown(state: MemberState): void {
    state.up = false;
    if (members.some((other) => other.up)) return;
    up = Promise.withResolvers();
    // There may be no waiter.
    up.promise.catch(() => {});
  }

  async function start(member: Member): Promise<void> {
    const state = stateOf(member);
    await state.outage;
    try {
      await state.server.start();
    } catch (error) {
      up.reject(error);
      throw error;
    }
    state.up = true;
    up.resolve();
  }

  async function cutLine({ line }: MemberState, outage: number): Promise<void> {
    if (!line) return;
    if (outage === 0) return line.cut();
    await line.down();
    await delay(outage);
    await line.up();
  }

  return {
    members,
    next() {
      const ready = members.filter((state) => state.up);
      turn += 1;
      return ready[turn % ready.length];
    },
    someUp: () => up.promise,
    async kill(member) {
      const state = stateOf(member);
      try {
        await state.server.kill();
      } finally {
        setDown(state);
      }
    },
    start,
    async stopAll() {
      await Promise.all(
        members.map(async (state) => {
          await state.server.stop();
          setDown(state);
        }),
      );
    },
    async startAll() {
      await Promise.all(members.map(start));
    },
    async cutLines(random, onCut) {
      const ready = members.filter((state) => state.up && state.line);
      if (ready.length === 0) return;
      const chosen = random.chance(ALL_LINES_CHANCE) ? ready : [random.pick(ready)];
      const outage = random.chance(OUTAGE_CHANCE) ? random.integer(1, MAX_OUTAGE_MS) : 0;
      for (const state of chosen) {
        onCut(state);
        state.outage = cutLine(state, outage);
      }
      await Promise.all(chosen.map((state) => state.outage));
    },
  };
}

/** @returns the DATABASE_URL of one process and its line; SQLite has none */
async function openLine(
  t: Cleanup,
  database: StoreLocation,
): Promise<{ readonly url: string; readonly line: TcpProxy | undefined }> {
  if (database.engine === 'sqlite') return { url: `sqlite:${database.path}`, line: undefined };
  const url = new URL(database.url);
  const line = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  t.after(() => line.down());
  url.port = String(line.port);
  return { url: url.href, line };
}
