// An exchange on a real database, driven in process by the tests' client of suite 1.
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Endpoint } from '../../src/protocol/endpoints.ts';
import { Exchange } from '../../src/server/sessions/exchange.ts';
import type { Handler, HandlerRequest, HandlerResult } from '../../src/server/sessions/handler.ts';
import type { WireRequest, WireResponse } from '../../src/server/sessions/suites/suite.ts';
import { suite1 } from '../../src/server/sessions/suites/suite1.ts';
import type { StoreLocation } from '../../src/server/store/open.ts';
import { countEvent } from '../../src/server/store/rateCounters.ts';
import type { Store, Transaction } from '../../src/server/store/store.ts';
import { openEpochs } from './epochs.ts';
import { createFakeTime, type FakeTime } from './fakeTime.ts';
import { openTwoStores } from './storeFixtures.ts';
import {
  type Keys,
  openHandshake,
  openResponse,
  type PreparedRequest,
  prepare,
  publicKeyPem,
  type Suite1Response,
} from './suite1Client.ts';

export const IDLE_TIME = 60_000;
/** Time after which a session ends even if it is in use. */
export const MAX_AGE = 10 * IDLE_TIME;

const base = { summary: '', description: '', fields: { text: '' }, response: { message: '' }, problems: [] } as const;
/** A request that must not be executed twice. */
export const effect = { ...base, path: '/effect', access: 'public', repeatable: false } satisfies Endpoint;
/** A request that may be executed twice. */
export const read = { ...base, path: '/read', access: 'public', repeatable: true } satisfies Endpoint;
/** A request that needs a login. */
export const own = { ...base, path: '/own', access: 'login', repeatable: false } satisfies Endpoint;

type TextEndpoint = Omit<Endpoint, 'fields'> & { readonly fields: { readonly text: string } };
/** A handler of the endpoints above; `prepare` makes it a prepared one. */
export interface TestHandler {
  readonly checkRateLimit?: (tx: Transaction) => Promise<void>;
  readonly prepare?: (request: HandlerRequest<TextEndpoint>) => Promise<unknown>;
  readonly execute: (
    request: HandlerRequest<TextEndpoint>,
    tx: Transaction,
    prepared: unknown,
  ) => Promise<HandlerResult>;
}

export function asHandler({ prepare, execute, ...rest }: TestHandler): Handler<TextEndpoint> {
  return prepare
    ? { kind: 'prepared', prepare, execute, ...rest }
    : { kind: 'immediate', execute: (request, tx) => execute(request, tx, undefined), ...rest };
}

/** A request as its sender stores it, to send it again. */
export interface Sent {
  readonly endpoint: Endpoint;
  readonly request: PreparedRequest;
}

/** The same request as the HTTP side passes it on. */
export function sealedRequest({ endpoint, request }: Sent): WireRequest {
  return {
    endpoint,
    sessionKey: request.keys.sessionKey,
    body: JSON.parse(request.body),
    bytes: [Buffer.from(`${request.path}\0`), Buffer.from(request.body)],
    address: 'an address',
    recipientNames: [],
  };
}

export function asHttp({ status, body }: WireResponse) {
  return { status, text: body, contentType: 'application/json' };
}

/** @returns the keys of a new session */
export async function handshake(exchange: Exchange): Promise<Keys> {
  const body = { public_key: Buffer.from(publicKeyPem).toString('hex') };
  return openHandshake(asHttp(await exchange.openSession(body, async () => {})));
}

export interface ExchangeHarness {
  readonly store: Store;
  readonly exchange: Exchange;
  /** A second process over the same database. */
  readonly other: { readonly store: Store; readonly exchange: Exchange };
  readonly time: FakeTime;
  /** Prepares a request with a unique text. */
  ask(keys: Keys, endpoint?: Endpoint, text?: string): Sent;
  /** Sends a request to this process or the other. */
  send(sent: Sent, handler?: TestHandler, exchange?: Exchange): Promise<Suite1Response>;
  /** Prepares and sends a request. */
  call(keys: Keys, endpoint?: Endpoint, text?: string): Promise<Suite1Response>;
  /** Number of committed effects. */
  effects(): Promise<number>;
  /** Number of stored steps of all sessions. */
  rows(): Promise<number>;
}

const effectKey = new Uint8Array(32);

/** Default handler: an effect in the database, and the text of the request as the response. */
export async function takeEffect(
  { fields }: HandlerRequest<TextEndpoint>,
  transaction: Transaction,
): Promise<HandlerResult> {
  await countEvent(transaction, effectKey, 0);
  return { response: { message: fields.text } };
}

export async function createExchangeHarness(t: TestContext, location: StoreLocation): Promise<ExchangeHarness> {
  const [store, otherStore] = await openTwoStores(t, location);
  const time = createFakeTime();
  const settings = {
    suites: { 1: suite1 },
    keyEncryptionKey: randomBytes(32),
    epochKeys: openEpochs(t).keys,
    lifetime: { idleTimeoutMs: IDLE_TIME, maxAgeMs: MAX_AGE },
    clock: time.clock,
  };
  const exchange = new Exchange({ ...settings, store });
  let count = 0;

  const harness: ExchangeHarness = {
    store,
    exchange,
    other: { store: otherStore, exchange: new Exchange({ ...settings, store: otherStore }) },
    time,
    ask(keys, endpoint = effect, text) {
      count += 1;
      return { endpoint, request: prepare(keys, endpoint.path, { text: text ?? `request ${count}` }) };
    },
    async send(sent, handler = { execute: takeEffect }, by = exchange) {
      return openResponse(sent.request, asHttp(await by.run(asHandler(handler), sealedRequest(sent))));
    },
    call: (keys, endpoint, text) => harness.send(harness.ask(keys, endpoint, text)),
    async effects() {
      const row = await store.transaction(({ db }) =>
        db.selectFrom('rate_counters').select('count').where('counter_key', '=', effectKey).executeTakeFirst(),
      );
      return row?.count ?? 0;
    },
    async rows() {
      const row = await store.transaction(({ db }) =>
        db
          .selectFrom('session_steps')
          .select(({ fn }) => fn.countAll<number>().as('n'))
          .executeTakeFirst(),
      );
      return row?.n ?? 0;
    },
  };
  return harness;
}

/** A preparation that waits until the test opens the gate. */
export function createGate() {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let passes = 0;
  return {
    /** Resolves when the first preparation waits. */
    reached: reached.promise,
    open: () => gate.resolve(),
    get passes() {
      return passes;
    },
    async pass(): Promise<void> {
      passes += 1;
      reached.resolve();
      await gate.promise;
    },
  };
}

/** Keys of a response that must have some. */
export function keysOf({ keys, text }: Suite1Response): Keys {
  if (!keys) throw new Error(`an answer without keys: ${text}`);
  return keys;
}
