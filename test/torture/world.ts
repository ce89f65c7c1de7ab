/** A server, a mail server, a faulty proxy between the server and its clients, and the clients. */
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MAX_CONCURRENT_DELIVERIES } from '../../src/server/mail/mail.ts';
import type { Settings, TestServer } from '../support/server.ts';
import { startSmtpServer } from '../support/smtp.ts';
import { Suite1Client } from '../support/suite1Client.ts';
import { type Account, newAccount } from './account.ts';
import type { Actor } from './actor.ts';
import { createAnswerLedger } from './answerLedger.ts';
import { createConversation, type Surroundings } from './conversation.ts';
import { countOutbox, endLeases, findDamage, readUsers } from './disk.ts';
import { checkEverything, live } from './life.ts';
import { createLetterbox, type Letterbox } from './mailbox.ts';
import { createNameRegistry } from './names.ts';
import { type Moment, startFaultyProxy } from './proxy.ts';
import type { Random } from './random.ts';
import { createWitness, type Witness } from './witness.ts';

/** Who cleans up at the end: a test, or a program that stands in for one. */
export type Cleanup = Pick<TestContext, 'after'>;

/** The clients are one address, and nobody tests the limits here. */
const NO_LIMITS: Settings = {
  RATE_HANDSHAKES_PER_MINUTE: '10000000',
  RATE_LOGINS_PER_MINUTE: '10000000',
  RATE_REGISTRATIONS_PER_MINUTE: '10000000',
  RATE_RECOVERIES_PER_MINUTE: '10000000',
  RATE_RECOVERY_MAILS_PER_HOUR: '10000000',
};
const OUTBOX_PATIENCE_MILLISECONDS = 20_000;
const POLL_MILLISECONDS = 50;

export interface WorldOptions {
  /** Starts the server, on whichever database. */
  readonly startServer: (settings: Settings) => Promise<TestServer>;
  readonly random: Random;
  readonly actors: number;
  /** From 0 to 1: how many of the faults in `faults.ts` befall the requests. */
  readonly faultRate: number;
  /** How likely a crash is followed by a restart as late as the leases of the dead process last. */
  readonly lateRestarts: number;
}

export interface World {
  readonly witness: Witness;
  readonly server: TestServer;
  /** Lets all actors act. @returns a function that ends that, faults included, and waits until each is done */
  start(): () => Promise<void>;
  /** SIGKILL, and a restart on the same data. */
  crash(): Promise<void>;
  /** Resolves at the next such moment of some request. */
  moment(moment: Moment): Promise<void>;
  /** Every actor checks all that it was promised. */
  checkActors(): Promise<void>;
  /** Checks what the actors cannot see: mails and the database. Stops the server. */
  checkTraces(): Promise<void>;
}

export async function createWorld(t: Cleanup, options: WorldOptions): Promise<World> {
  const { random } = options;
  const witness = createWitness();
  const smtp = await startSmtpServer({ mode: 'plain' });
  t.after(() => smtp.stop());
  const server = await options.startServer({
    ...NO_LIMITS,
    MAIL_SERVER: '127.0.0.1',
    MAIL_PORT: String(smtp.port),
    MAIL_DEFAULT_SENDER: 'vws@example.org',
  });
  const letterbox = createLetterbox(smtp);
  const names = createNameRegistry(witness);
  const moments = new Map<Moment, PromiseWithResolvers<void>>();
  const proxy = await startFaultyProxy({
    target: () => server.url,
    random: random.fork(),
    ledger: createAnswerLedger(witness),
    witness,
    onMoment(moment) {
      moments.get(moment)?.resolve();
      moments.delete(moment);
    },
  });
  t.after(() => proxy.stop());

  let up = Promise.withResolvers<void>();
  up.resolve();
  let generation = 1;
  let stopping = false;
  const around: Surroundings = {
    proxyUrl: proxy.url,
    witness,
    serverUp: () => up.promise,
    generation: () => generation,
    faultRate: () => (stopping ? 0 : options.faultRate),
  };
  const actors: Actor[] = Array.from({ length: options.actors }, (_, index) => {
    const name = `actor ${index + 1}`;
    const itsRandom = random.fork();
    return {
      name,
      random: itsRandom,
      talk: createConversation(name, itsRandom, around),
      witness,
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

  return {
    witness,
    server,
    start() {
      stopping = false;
      const lives = Promise.all(actors.map((actor) => live(actor, around.generation)));
      // Whoever stops the actors hears of it.
      lives.catch(() => {});
      return async () => {
        stopping = true;
        await lives;
      };
    },

    async crash() {
      up = Promise.withResolvers();
      // Nobody may be waiting.
      up.promise.catch(() => {});
      witness.note(undefined, '--- kill -9');
      witness.count('kills');
      await server.kill();
      try {
        if (random.chance(options.lateRestarts)) {
          await checkOutbox(witness, server, letterbox, accounts());
          await endLeases(server);
          witness.note(undefined, '--- the leases end');
        }
        await server.start();
      } catch (error) {
        witness.report('the run', 'the server starts again after a crash', String(error));
        up.reject(error);
        throw error;
      }
      witness.note(undefined, '--- started again');
      witness.count('restarts');
      generation += 1;
      up.resolve();
    },

    moment(moment) {
      const waiting = moments.get(moment) ?? Promise.withResolvers<void>();
      moments.set(moment, waiting);
      return waiting.promise;
    },

    async checkActors() {
      await Promise.all(actors.filter((actor) => actor.begun).map(checkEverything));
    },

    async checkTraces() {
      await server.stop();
      await checkOutbox(witness, server, letterbox, accounts());
      await endLeases(server);
      await server.start();
      await outboxEmpty(server);
      await server.stop();
      checkMails(witness, letterbox, accounts());
      await checkUsers(witness, server, accounts());
      for (const damage of await findDamage(server)) witness.report('the disk', 'the database is sound', damage);
    },
  };
}

/** Mails that were acknowledged and did not come must be in the outbox. */
async function checkOutbox(
  witness: Witness,
  server: TestServer,
  letterbox: Letterbox,
  accounts: readonly Account[],
): Promise<void> {
  const missing = accounts.map(({ email, mails }) => Math.max(0, mails.asked - letterbox.mailsTo(email).length));
  const total = missing.reduce((sum, count) => sum + count, 0);
  const waiting = await countOutbox(server);
  witness.count('checks');
  if (total > waiting) witness.report('the disk', 'no acknowledged mail is lost', `${total} to come, ${waiting} there`);
}

async function outboxEmpty(server: TestServer): Promise<void> {
  await fetch(`${server.url}/health/ready`);
  const deadline = performance.now() + OUTBOX_PATIENCE_MILLISECONDS;
  while ((await countOutbox(server)) > 0 && performance.now() < deadline) await delay(POLL_MILLISECONDS);
}

function checkMails(witness: Witness, letterbox: Letterbox, accounts: readonly Account[]): void {
  for (const { email, mails } of accounts) {
    const came = letterbox.mailsTo(email).length;
    witness.count('checks');
    if (came < mails.asked || came > mails.asked + mails.maybe) {
      const detail = `${email}: ${mails.asked} acknowledged, ${mails.maybe} given up, ${came} came`;
      witness.report('the mail server', 'each recovery is mailed once', detail);
    }
  }
  const { mails, copies } = letterbox.totals();
  witness.count('mails', mails);
  witness.count('mail copies', copies);
  // A crash between the acceptance of a mail and its removal from the outbox sends it again; nothing else may.
  if (copies > witness.counts.kills * MAX_CONCURRENT_DELIVERIES) {
    witness.report('the mail server', 'a mail goes out once, but for crashes', `${copies} copies`);
  }
}

/** The users are those that were acknowledged, under the names that were acknowledged, and no others. */
async function checkUsers(witness: Witness, server: TestServer, accounts: readonly Account[]): Promise<void> {
  const found = new Map((await readUsers(server)).map(({ username, email }) => [email, username]));
  for (const { email, usernames } of accounts) {
    const username = found.get(email);
    found.delete(email);
    witness.count('checks');
    if (username === undefined || !usernames.includes(username)) {
      witness.report('the disk', 'accounts and names are kept', `${email}: ${username}, not ${usernames.join(' or ')}`);
    }
  }
  const excess = [...found.keys()];
  // An actor that saw a promise broken left its account behind.
  if (excess.length > 0 && witness.broken.length === 0) {
    witness.report('the disk', 'a registration is executed once', `nobody was told of ${excess.join(', ')}`);
  }
}
