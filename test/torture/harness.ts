/** Servers on one database, a mail server, a faulty proxy between the servers and their clients, and the clients. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreLocation } from '../../src/server/store/open.ts';
import type { Settings, TestServer } from '../support/server.ts';
import { startSmtpServer } from '../support/smtp.ts';
import { newStoreLocation } from '../support/store.ts';
import { Suite1Client } from '../support/suite1Client.ts';
import { type Account, newAccount } from './account.ts';
import type { Actor } from './actor.ts';
import { checkEverything, live } from './actorLoop.ts';
import { createAnswerLedger } from './answerLedger.ts';
import { type Cleanup, type Cluster, type Member, startCluster } from './cluster.ts';
import { createConversation, type Surroundings } from './conversation.ts';
import { createLetterbox } from './mailbox.ts';
import { createMailLeases } from './mailLeases.ts';
import { createNameRegistry } from './names.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { type Moment, startFaultyProxy } from './proxy.ts';
import type { Random } from './random.ts';
import { MAX_HANDSHAKES } from './scenarios/limits.ts';
import { checkDamage, checkMails, checkOutbox, checkUsers, outboxEmpty } from './traces.ts';

export type { Cleanup };

/** The limit of handshakes is the one that is tried; the proxy is believed whom it speaks for. */
const LIMITS: Settings = {
  TRUSTED_PROXIES: '127.0.0.1',
  RATE_HANDSHAKES_PER_MINUTE: String(MAX_HANDSHAKES),
  RATE_LOGINS_PER_MINUTE: '10000000',
  RATE_FAILED_LOGINS_PER_MINUTE: '10000000',
  RATE_FAILED_LOGINS_PER_DAY: '10000000',
  RATE_REGISTRATIONS_PER_MINUTE: '10000000',
  RATE_RECOVERIES_PER_MINUTE: '10000000',
  RATE_RECOVERY_MAILS_PER_HOUR: '10000000',
};
/** How long a process that crashed may be missing beside others: about as long as the claims on its requests last. */
const MAX_ABSENCE_MILLISECONDS = 4_000;

export interface HarnessOptions {
  /** Starts a server with these settings, which name the database. */
  readonly startServer: (settings: Settings) => Promise<TestServer>;
  /** How many servers share the database; one by default. */
  readonly processes?: number;
  readonly random: Random;
  readonly actors: number;
  /** From 0 to 1: how many of the faults in `faults.ts` befall the requests. */
  readonly faultRate: number;
  /**
   * How likely a process that crashed comes back late: one that is alone when the leases of the dead have ended, one of
   * several while the others have gone on for a while.
   */
  readonly lateRestarts: number;
}

export interface Harness {
  readonly oracle: Oracle;
  readonly cluster: Cluster;
  readonly database: StoreLocation;
  /** Lets all actors act. @returns a function that ends that, faults included, and waits until each is done */
  start(): () => Promise<void>;
  /** SIGKILL of a process, and a restart on the same data. */
  crash(member: Member): Promise<void>;
  /** Cuts some lines to the database, if there are lines, for up to a second. */
  cutDatabase(): Promise<void>;
  /** Resolves at the next such moment of some request, with the process that it is at. */
  moment(moment: Moment): Promise<Member>;
  /** Every actor checks all that it was promised. */
  checkActors(): Promise<void>;
  /** Checks what the actors cannot see: mails and the database. Stops the servers. */
  checkTraces(): Promise<void>;
}

export async function createHarness(t: Cleanup, options: HarnessOptions): Promise<Harness> {
  const { random, processes = 1, startServer } = options;
  const oracle = createOracle();
  const database = await newStoreLocation(t);
  const smtp = await startSmtpServer({ mode: 'plain' });
  t.after(() => smtp.stop());
  const settings = {
    ...LIMITS,
    VWS_MASTER_KEY: randomBytes(32).toString('hex'),
    MAIL_SERVER: '127.0.0.1',
    MAIL_PORT: String(smtp.port),
    MAIL_DEFAULT_SENDER: 'vws@example.org',
  };
  const cluster = await startCluster(t, { startServer, processes, database, settings });
  const letterbox = createLetterbox(smtp);
  const leases = createMailLeases(database, () => oracle.count('leases ended'));
  const names = createNameRegistry(oracle);
  const moments = new Map<Moment, PromiseWithResolvers<Member>>();
  const proxy = await startFaultyProxy({
    target: cluster.next,
    random: random.fork(),
    ledger: createAnswerLedger(oracle),
    oracle,
    onMoment(moment, member) {
      moments.get(moment)?.resolve(member);
      moments.delete(moment);
    },
  });
  t.after(() => proxy.stop());

  let disturbances = 0;
  let stopping = false;
  const around: Surroundings = {
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
      talk: createConversation(name, itsRandom, around),
      oracle,
      names,
      letterbox,
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
    // It may have begun its last request before or after this, and it ends before or after that.
    disturbances += 1;
    try {
      await cluster.kill(member);
    } catch (error) {
      oracle.report('the run', 'a server ends when it is told to', String(error));
    }
    disturbances += 1;
  }

  /** Lets pass what passes before a dead process is started again. */
  async function wait(): Promise<void> {
    const late = random.chance(options.lateRestarts);
    const absence = random.integer(0, MAX_ABSENCE_MILLISECONDS);
    await checkOutbox(oracle, database, letterbox, accounts());
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
    start() {
      stopping = false;
      const lives = Promise.all(actors.map((actor) => live(actor, () => oracle.counts.restarts)));
      // Whoever stops the actors hears of it.
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
      await checkOutbox(oracle, database, letterbox, accounts());
      await leases.endAll();
      await cluster.startAll();
      await outboxEmpty(database);
      await cluster.stopAll();
      checkMails(oracle, letterbox, leases, accounts());
      await checkUsers(oracle, database, accounts());
      await checkDamage(oracle, database);
    },
  };
}
