// Clients and a server that can crash, on a clock that only commands advance.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type EndpointName, endpoints } from '../../src/protocol/endpoints.ts';
import { Problem } from '../../src/protocol/problems.ts';
import { MAX_UNUSED_RESPONSES } from '../../src/server/sessions/ratchet.ts';
import { REQUEST_LOCK_LEASE_MS } from '../../src/server/sessions/requestLocks.ts';
import { hashRequest } from '../../src/server/sessions/stepEncryption.ts';
import { openStore } from '../../src/server/store/open.ts';
import type { CrashPoint } from '../support/crashableStore.ts';
import { asHttp, sealedRequest } from '../support/exchangeFixtures.ts';
import { createFakeTime } from '../support/fakeTime.ts';
import { createFakeHasher, type InProcessServer, startInProcessServer } from '../support/inProcessServer.ts';
import { type Keys, openHandshake, prepare, publicKeyPem } from '../support/suite1Client.ts';
import { waitingMails } from './database.ts';
import { addJournal } from './journal.ts';
import { createOracle, type Delivery, type Result, type Sent, stepIdOf } from './oracle.ts';
import { type Ask, describeAsk, PASSWORDS, resolveAsk, wireOf } from './requests.ts';
import { findSession } from './rules.ts';

export const CLIENTS = ['A', 'B', 'C'] as const;
export type ClientName = (typeof CLIENTS)[number];
/** Time advances in hops, so that emails interrupted by a crash are sent again before they expire. */
const MAIL_HOP = 30_000;
const WRONG_KEY = '0'.repeat(64);

/** A request of a client. */
export interface Part {
  readonly client: ClientName;
  /** A new request, the bytes of an earlier one (counted from the last), or a request that does not open. */
  readonly what: { readonly ask: Ask } | { readonly again: number } | 'nonsense';
  /** Step of the request, counted back from the newest one that the client holds. */
  readonly stepsBack: number;
  /** Send time of each copy, in turns of the event loop. */
  readonly starts: readonly number[];
  readonly isResponseLost: boolean;
}

export interface Harness {
  /** One line for each event. */
  readonly history: readonly string[];
  /** Registers two users, so that commands need not start with that. */
  populate(): Promise<void>;
  /** Begins a command, which the report describes by this text. */
  begin(text: string): void;
  /** Returns true if the bounds of a session allow all these requests. */
  allows(parts: readonly Part[]): boolean;
  /** Sends everything at once, optionally until the server crashes and restarts. */
  send(parts: readonly Part[], crash?: CrashPoint): Promise<void>;
  restart(): Promise<void>;
  pass(milliseconds: number): Promise<void>;
  sweep(): Promise<void>;
  close(): Promise<void>;
}

interface Client {
  /** Keys of the newest step, as the client believes. */
  keys: Keys | undefined;
  /** Keys of all steps that it ever held, newest last. */
  readonly held: Keys[];
  readonly sent: Sent[];
}

/** @param count called with the name of each event, to show that runs cover all of them */
export async function createHarness(count: (what: string) => void): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'vws-model-'));
  const time = createFakeTime();
  const hasher = createFakeHasher();
  const oracle = createOracle(time.clock, count);
  const clients = new Map<string, Client>(CLIENTS.map((name) => [name, { keys: undefined, held: [], sent: [] }]));
  const history: string[] = [];
  let generation = 0;
  let texts = 0;
  let steps = 0;
  let server: InProcessServer;
  let database: DatabaseSync;

  const pathOf = (number: number) => join(folder, `${number}.db`);
  const clientOf = (name: string) => clients.get(name) as Client;
  const isUsable = (keys: Keys | undefined) =>
    keys !== undefined && findSession(oracle.state, stepIdOf(keys.sessionKey)) !== undefined;

  async function start(): Promise<void> {
    const [path, crashPath] = [pathOf(generation), pathOf(generation + 1)];
    server = await startInProcessServer({ path, crashPath, time, hasher, onMail: oracle.noteMail });
    database = new DatabaseSync(path);
  }

  async function stop(): Promise<void> {
    database.close();
    await server.stop();
  }

  async function handshake(name: string): Promise<void> {
    const client = clientOf(name);
    const body = { public_key: Buffer.from(publicKeyPem).toString('hex') };
    const { exchange, checkHandshakeRate } = server.core;
    client.keys = openHandshake(asHttp(await exchange.openSession(body, (tx) => checkHandshakeRate(tx, 'an address'))));
    client.held.push(client.keys);
    oracle.check(database, [], false);
    history.push(`   ${name} opens a session`);
  }

  function write(part: Part): Sent {
    const client = clientOf(part.client);
    if (part.what !== 'nonsense' && 'again' in part.what) {
      const earlier = client.sent.at(-1 - (part.what.again % Math.max(1, client.sent.length)));
      if (earlier) return earlier;
    }
    const isOld = part.stepsBack > 0;
    const keys = (isOld ? client.held.at(-1 - (part.stepsBack % client.held.length)) : client.keys) as Keys;
    const stepId = stepIdOf(keys.sessionKey);
    const step = findSession(oracle.state, stepId)?.[1].steps.get(stepId);
    const known = {
      messages: oracle.messages,
      code: oracle.codeOf(oracle.state.recoveries.get(step?.recovery ?? '')),
      newText: () => `text ${++texts}`,
    };
    const ask: Ask =
      part.what !== 'nonsense' && 'ask' in part.what ? part.what.ask : { to: 'decrypt', message: 'right' };
    const request = resolveAsk(ask, oracle.state, step, known);
    const isNonsense = part.what === 'nonsense';
    const { endpoint, path, fields, recipient } = wireOf(request);
    const prepared = prepare(isNonsense ? { ...keys, aesKey: WRONG_KEY } : keys, path, fields);
    const { bytes } = sealedRequest({ endpoint, request: prepared });
    const hash = Buffer.from(hashRequest(bytes)).toString('hex');
    // In suite 1 the same fields give the same bytes: it is the same request.
    const same = client.sent.find((earlier) => earlier.hash === hash);
    if (same) return same;
    const sent: Sent = {
      text: describePart(part),
      request: isNonsense ? 'nonsense' : request,
      endpoint,
      recipient,
      prepared,
      step: stepId,
      hash,
    };
    client.sent.push(sent);
    return sent;
  }

  async function deliver(delivery: Delivery, turns: number): Promise<void> {
    const { endpoint, recipient, prepared } = delivery.sent;
    const { exchange, handlers } = server.core;
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    const name = (Object.keys(endpoints) as EndpointName[]).find((candidate) => endpoints[candidate] === endpoint);
    if (!name) throw new Error(`no handler for ${endpoint.path}`);
    const request = { ...sealedRequest({ endpoint, request: prepared }), recipientNames: [recipient] };
    delivery.result = await exchange.run(handlers[name], request).then(
      (answer): Result => ({ answer }),
      (error): Result => ({ problem: error instanceof Problem ? error.code : String(error), error }),
    );
  }

  async function crashServer(delivering: Promise<unknown>, crash: CrashPoint): Promise<void> {
    const { ended, end } = server.store.crashAt(crash);
    await Promise.race([ended, delivering.then(() => server.outbox.idle())]);
    end();
    // Responses sent before the crash reach their clients.
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    await stop();
    count('a crash');
    generation += 1;
    await start();
  }

  function receive({ client: name, isResponseLost }: Part, { sent, result }: Delivery): void {
    const client = clientOf(name);
    const keys = result && 'answer' in result ? sent.committed?.answer.keys : undefined;
    if (!keys || isResponseLost) return;
    client.keys = keys;
    if (!client.held.includes(keys)) client.held.push(keys);
  }

  const harness: Harness = {
    history,

    async populate() {
      await harness.send([newcomer('A', 'ada'), newcomer('B', 'bob')]);
    },

    begin(text) {
      steps += 1;
      count('commands');
      history.push(`${steps}. ${text}`);
    },

    allows: (parts) =>
      [...oracle.state.sessions.values()].every(({ steps }) => steps.size + parts.length < MAX_UNUSED_RESPONSES),

    async send(parts, crash) {
      for (const { client } of parts) if (!isUsable(clientOf(client).keys)) await handshake(client);
      const deliveries = parts.flatMap((part) => {
        const sent = write(part);
        return part.starts.map((turns) => ({ part, turns, delivery: { sent, result: undefined } as Delivery }));
      });
      oracle.expect(deliveries.map(({ delivery }) => delivery));
      const delivering = Promise.all(deliveries.map(({ delivery, turns }) => deliver(delivery, turns)));
      if (crash) {
        await crashServer(delivering, crash);
      } else {
        await delivering;
        await server.outbox.idle();
      }
      history.push(
        ...deliveries.map(({ part, delivery }) => `   ${describePart(part)}: ${describeResult(delivery.result)}`),
      );
      if (crash) history.push(`   ${describeCrash(crash)}`);
      oracle.check(
        database,
        deliveries.map(({ delivery }) => delivery),
        crash !== undefined,
      );
      for (const { part, delivery } of deliveries) receive(part, delivery);
      // A restart after a crash takes a moment.
      if (crash) await harness.pass(REQUEST_LOCK_LEASE_MS);
    },

    async restart() {
      await stop();
      await start();
      oracle.check(database, [], false);
    },

    async pass(milliseconds) {
      let left = milliseconds;
      while (left > 0 && waitingMails(database).length > 0) {
        const hop = Math.min(left, MAIL_HOP);
        time.advance(hop);
        left -= hop;
        await server.outbox.idle();
      }
      time.advance(left);
      await server.outbox.idle();
      oracle.check(database, [], false);
    },

    async sweep() {
      await server.sweep();
      oracle.sweep();
      oracle.check(database, [], false);
    },

    async close() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };

  await (await openStore({ engine: 'sqlite', path: pathOf(0) }, time.clock())).close();
  const empty = new DatabaseSync(pathOf(0));
  addJournal(empty);
  empty.close();
  await start();
  return harness;
}

/** A plain request. */
export function partOf(client: ClientName, what: Part['what'], isResponseLost = false): Part {
  return { client, what, stepsBack: 0, starts: [0], isResponseLost };
}

function newcomer(client: ClientName, username: string): Part {
  const email = `${username}@example.org`;
  return partOf(client, { ask: { to: 'register', username, email, password: PASSWORDS[0] } });
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

export function describePart({ client, what, stepsBack, starts, isResponseLost }: Part): string {
  const isRepeat = what !== 'nonsense' && 'again' in what;
  const action = what === 'nonsense' ? 'sends nonsense' : 'ask' in what ? describeAsk(what.ask) : `repeats a request`;
  const notes = [
    isRepeat ? `the last but ${what.again}` : stepsBack > 0 ? `${stepsBack} steps back` : '',
    starts.length > 1 ? `${starts.length} times at once` : '',
    isResponseLost ? 'answer lost' : '',
  ].filter(Boolean);
  return `${client} ${action}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
}

export function describeCrash({ transactions, during }: CrashPoint): string {
  return `the server crashes ${during ? 'in the transaction' : 'right'} after ${transactions} commits`;
}

function describeResult(result: Result): string {
  if (!result) return 'no answer';
  if ('problem' in result) return result.problem;
  const { error } = JSON.parse(result.answer.body) as { error?: string };
  return `${result.answer.status} ${error ?? 'done'}`;
}
