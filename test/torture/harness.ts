// Servers on one database, a mail server, a faulty proxy in front of the servers, and the actors.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreLocation } from '../../src/server/store/open.ts';
import { type Settings, type TestServer, UNLIMITED } from '../support/server.ts';
import { startSmtpServer } from '../support/smtp.ts';
import { newStoreLocation } from '../support/store.ts';
import { Suite1Client } from '../support/suite1Client.ts';
import { type Account, newAccount } from './account.ts';
import type { Actor } from './actor.ts';
import { actorLoop, checkEverything } from './actorLoop.ts';
import { type Cleanup, type Cluster, type Member, startCluster } from './cluster.ts';
import { createMailLeases } from './mailLeases.ts';
import { createNameRegistry } from './names.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { type Moment, startFaultyProxy } from './proxy.ts';
import type { Random } from './random.ts';
import { createResponseLedger } from './responseLedger.ts';
import { createRetryingClient, type Environment } from './retryingClient.ts';
import { MAX_HANDSHAKES } from './scenarios/limits.ts';
import { createSortedMails } from './sortedMails.ts';
import { checkDamage, checkMails, checkOutbox, checkUsers, outboxEmpty } from './traces.ts';

export type { Cleanup };

/** Only the limit of handshakes is tested; the proxy reports the clients' addresses. */
const LIMITS: Settings = {
  ...UNLIMITED,
  TRUSTED_PROXIES: '127.0.0.1',
  RATE_HANDSHAKES_PER_MINUTE: String(MAX_HANDSHAKES),
};
/** Downtime of a crashed process among others: about the lease time of its request locks. */
const MAX_ABSENCE_MS = 4_000;

export interface HarnessOptions {
  /** Starts a server with the given settings, database included. */
  readonly startServer: (settings: Settings) => Promise<TestServer>;
  /** Number of servers on the database; one by default. */
  readonly processes?: number;
  readonly random: Random;
  readonly actors: number;
  /** Length of an epoch; 1 by default. */
  readonly epochSeconds?: number;
  /** From 0 to 1: see {@link pickFault}. */
  readonly faultRate: number;
  /**
   * Probability that a crashed process restarts late: after the leases of the dead have ended if it is the only one,
   * else after the others have continued for a while.
   */
  readonly lateRestarts: number;
}

export interface Harness {
  readonly oracle: Oracle;
  readonly cluster: Cluster;
  readonly database: StoreLocation;
  readonly actors: readonly Actor[];
  /** Starts all actors. @returns a function that stops them, and the faults, and waits until each has finished */
  start(): () => Promise<void>;
  /** Kills a process and restarts it on the same data. */
  crash(member: Member): Promise<void>;
  /** Cuts some lines to the database, if any, for up to a second. */
  cutDatabase(): Promise<void>;
  /** Resolves at the next such moment of any request, with the process that handles it. */
  moment(moment: Moment): Promise<Member>;
  /** Every actor checks all promises. */
  checkActors(): Promise<void>;
  /** Checks emails and the database, which actors cannot see. Stops the servers. */
  checkTraces(): Promise<void>;
}

export async function createHarness(t: Cleanup, options: HarnessOptions): Promise<Harness> {
  const { random, processes = 1, startServer } = options;
  const oracle = createOracle();
  const database = await newStoreLocation(t);
  const smtp = await startSmtpServer({ mode: 'plain' });
  t.after(() => smtp.stop());
  const epochFolder = mkdtempSync(join(tmpdir(), 'vws-epoch-'));
  t.after(() => rmSync(epochFolder, { recursive: true, force: true }));
  const settings = {
    ...LIMITS,
    EPOCH_FILE: join(epochFolder, 'epoch'),
    EPOCH_SECONDS: String(options.epochSeconds ?? 1),
    VWS_MASTER_KEY: randomBytes(32).toString('hex'),
    MAIL_SERVER: '127.0.0.1',
    MAIL_PORT: String(smtp.port),
    MAIL_DEFAULT_SENDER: 'vws@example.org',
  };
  const cluster = await startCluster(t, { startServer, processes, database, settings });
  const sortedMails = createSortedMails(smtp);
  const leases = createMailLeases(database, () => oracle.count('leases ended'));
  const names = createNameRegistry(oracle);
  const moments = new Map<Moment, PromiseWithResolvers<Member>>();
  const proxy = await startFaultyProxy({
    target: cluster.next,
    random: random.fork(),
    ledger: createResponseLedger(oracle),
    oracle,
    onMoment(moment, member) {
      moments.get(moment)?.resolve(member);
      moments.delete(moment);
    },
  });
  t.after(() => proxy.stop());

  let disturbances = 0;
  let stopping = false;
  const environment: Environment = {
    proxyUrl: proxy.url,
    oracle,
    serverUp: cluster.someUp,
    disturbances: () => disturbances,
    faultRate: () => (stopping ? 0 : options.faultRate),
  };
  const actors: Actor[] = Array.from({ length: options.actors }, (_, index) => {
    const name = `actor ${index + 1}`;
    const itsRandom = random.fork();
    return {
      name,
      random: itsRandom,
      client: createRetryingClient(name, itsRandom, environment),
      oracle,
      names,
      sortedMails,
      peers: () => actors,
      stopping: () => stopping,
      begun: false,
      account: newAccount({ username: '', email: '', password: '' }),
      main: new Suite1Client({ url: proxy.url }, { sessionKey: '', aesKey: '' }),
      spare: undefined,
      retired: [],
      inbox: [],
    };
  });
  const accounts = (): Account[] =>
    actors.flatMap((actor) => [...(actor.begun ? [actor.account] : []), ...actor.retired]);

  async function kill(member: Member): Promise<void> {
    oracle.note(undefined, `--- kill -9 of ${member.name}`);
    oracle.count('kills');
    // Counted before and after: its last request may have started or ended on either side.
    disturbances += 1;
    try {
      await cluster.kill(member);
    } catch (error) {
      oracle.report('the run', 'a server ends only when it is killed', String(error));
    }
    disturbances += 1;
  }

  /** Waits as long as a supervisor may take to restart a process. */
  async function wait(): Promise<void> {
    const late = random.chance(options.lateRestarts);
    const absence = random.integer(0, MAX_ABSENCE_MS);
    await checkOutbox(oracle, database, sortedMails, accounts());
    if (processes > 1) {
      await leases.endOrphaned();
      if (late) await delay(absence);
    } else if (late) {
      await leases.endAll();
      oracle.note(undefined, '--- the leases end');
    }
  }

  return {
    oracle,
    cluster,
    database,
    actors,
    start() {
      stopping = false;
      const lives = Promise.all(actors.map((actor) => actorLoop(actor, () => oracle.counts.restarts)));
      // Reported to the caller that stops the actors.
      lives.catch(() => {});
      return async () => {
        stopping = true;
        await lives;
      };
    },

    async crash(member) {
      await kill(member);
      await wait();
      try {
        await cluster.start(member);
      } catch (error) {
        oracle.report('the run', 'the server starts again after a crash', String(error));
        throw error;
      }
      oracle.note(undefined, `--- ${member.name} started again`);
      oracle.count('restarts');
    },

    async cutDatabase() {
      await cluster.cutLines(random, (member) => {
        oracle.note(undefined, `--- the line of ${member.name} is cut`);
        oracle.count('database cuts');
        disturbances += 1;
      });
    },

    moment(moment) {
      const waiting = moments.get(moment) ?? Promise.withResolvers<Member>();
      moments.set(moment, waiting);
      return waiting.promise;
    },

    async checkActors() {
      await Promise.all(actors.filter((actor) => actor.begun).map(checkEverything));
    },

    async checkTraces() {
      await cluster.stopAll();
      await checkOutbox(oracle, database, sortedMails, accounts());
      await leases.endAll();
      await cluster.startAll();
      await outboxEmpty(database);
      await cluster.stopAll();
      checkMails(oracle, sortedMails, leases, accounts());
      await checkUsers(oracle, database, accounts());
      await checkDamage(oracle, database);
    },
  };
}
