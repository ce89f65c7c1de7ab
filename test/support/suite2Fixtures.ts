// An exchange of both suites on a real database, driven in process by the tests' client of suite 2.
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Endpoint } from '../../src/protocol/endpoints.ts';
import { expiryTimes } from '../../src/server/config/retention.ts';
import type { EpochKeys } from '../../src/server/keyring/epochKeys.ts';
import { type Identity, loadIdentity } from '../../src/server/keyring/identity.ts';
import { KemKeys } from '../../src/server/keyring/kemKeys.ts';
import { MasterKey } from '../../src/server/keyring/masterKey.ts';
import { Exchange } from '../../src/server/sessions/exchange.ts';
import type { WireRequest, WireResponse } from '../../src/server/sessions/suites/suite.ts';
import { suite1 } from '../../src/server/sessions/suites/suite1.ts';
import { Suite2 } from '../../src/server/sessions/suites/suite2/suite2.ts';
import { deleteExpired } from '../../src/server/store/expiry.ts';
import type { StoreLocation } from '../../src/server/store/open.ts';
import type { SessionStep } from '../../src/server/store/sessionSteps.ts';
import type { Store } from '../../src/server/store/store.ts';
import { openEpochs } from './epochs.ts';
import { asHandler, asHttp, effect, type TestHandler, takeEffect } from './exchangeFixtures.ts';
import { createFakeTime, type FakeTime } from './fakeTime.ts';
import { openTwoStores } from './storeFixtures.ts';
import {
  beginHandshake,
  checkIntroduction,
  type Introduction,
  openResponse2,
  prepare2,
  type RequestOptions,
  type Step,
  type Suite2Request,
  type Suite2Response,
} from './suite2Client.ts';

export const IDLE_TIME = 60 * 60 * 1000;

/** A request as its sender stores it, to send it again. */
export interface Sent2 {
  readonly endpoint: Endpoint;
  readonly request: Suite2Request;
}

/** One process of the server. */
export interface Process {
  readonly store: Store;
  readonly exchange: Exchange;
  readonly kemKeys: KemKeys;
}

export interface Suite2Harness extends Process {
  /** A second process over the same database. */
  readonly other: Process;
  readonly time: FakeTime;
  readonly identity: Identity;
  /** Encrypt the steps, together with their session keys. */
  readonly epochKeys: EpochKeys;
  readonly keyEncryptionKey: Buffer;
  /** Requests the KEM key and checks the introduction. */
  introduce(exchange?: Exchange): Promise<ReturnType<typeof checkIntroduction>>;
  /** @returns the first step of a new session */
  handshake(exchange?: Exchange): Promise<Step>;
  /** Prepares a request with a unique text. */
  ask(step: Step, endpoint?: Endpoint, options?: RequestOptions & { readonly text?: string }): Sent2;
  /** Sends a request without opening the response. */
  transmit(sent: Sent2, handler?: TestHandler, exchange?: Exchange): Promise<WireResponse>;
  /** Sends a request and opens the response. */
  send(sent: Sent2, handler?: TestHandler, exchange?: Exchange): Promise<Suite2Response>;
  /** Prepares and sends a request. */
  call(step: Step, endpoint?: Endpoint, options?: RequestOptions & { readonly text?: string }): Promise<Suite2Response>;
  /** Number of committed executions of {@link takeEffect}. */
  effects(): Promise<number>;
  /** Stored steps of all sessions. */
  steps(): Promise<SessionStep[]>;
  /** Removes what has expired, as the server does. */
  sweep(): Promise<void>;
}

/** The same request as the HTTP side passes it on. */
export function sealedRequest2({ endpoint, request }: Sent2, body = request.body): WireRequest {
  const fields = JSON.parse(body) as Record<string, unknown>;
  return {
    endpoint,
    sessionKey: String(fields.session_key),
    body: fields,
    bytes: [Buffer.from(`${request.path}\0`), Buffer.from(body)],
    address: 'an address',
    recipientNames: [],
  };
}

/** A handshake without a rate limit. */
export const openSession = (exchange: Exchange, body: object) =>
  exchange.openSession(body as Record<string, unknown>, async () => {});

export async function createSuite2Harness(t: TestContext, location: StoreLocation): Promise<Suite2Harness> {
  const [store, otherStore] = await openTwoStores(t, location);
  const time = createFakeTime();
  const { clock } = time;
  const masterKey = new MasterKey(randomBytes(32));
  const identity = await loadIdentity(store, masterKey, undefined, clock());
  const keyEncryptionKey = randomBytes(32);
  const { keys: epochKeys } = openEpochs(t);
  const start = (processStore: Store): Process => {
    const kemKeys = new KemKeys(masterKey, epochKeys, identity, clock);
    const suites = { 1: suite1, 2: new Suite2({ kemKeys, idleTimeoutMs: IDLE_TIME, features: [], clock }) };
    const lifetime = { idleTimeoutMs: IDLE_TIME, maxAgeMs: 90 * 24 * IDLE_TIME };
    const settings = { suites, keyEncryptionKey, epochKeys, lifetime, clock };
    return { store: processStore, kemKeys, exchange: new Exchange({ ...settings, store: processStore }) };
  };
  const [process, other] = [start(store), start(otherStore)];
  let count = 0;

  const harness: Suite2Harness = {
    ...{ ...process, other, time, identity, keyEncryptionKey, epochKeys },
    async introduce(by = process.exchange) {
      const { body } = await openSession(by, { suite: 2 });
      return checkIntroduction(JSON.parse(body) as Introduction, clock());
    },
    async handshake(by = process.exchange) {
      const { kid, serverKey } = await harness.introduce(by);
      const pending = beginHandshake(kid, serverKey);
      return pending.finish(JSON.parse((await openSession(by, pending.body)).body));
    },
    ask(step, endpoint = effect, { text, ...options } = {}) {
      count += 1;
      return { endpoint, request: prepare2(step, endpoint.path, { text: text ?? `request ${count}` }, options) };
    },
    transmit: (sent, handler = { execute: takeEffect }, by = process.exchange) =>
      by.run(asHandler(handler), sealedRequest2(sent)),
    async send(sent, handler, by) {
      return openResponse2(sent.request, asHttp(await harness.transmit(sent, handler, by)));
    },
    call: (step, endpoint, options) => harness.send(harness.ask(step, endpoint, options)),
    async effects() {
      const row = await store.transaction(({ db }) =>
        db.selectFrom('rate_counters').select('count').executeTakeFirst(),
      );
      return row?.count ?? 0;
    },
    steps: () => store.transaction(({ db }) => db.selectFrom('session_steps').selectAll().orderBy('step_id').execute()),
    async sweep() {
      const times = expiryTimes({ sessionIdleMs: IDLE_TIME, messages: { receiptMs: 0 } })(clock());
      // The rate counter that tests count effects with must not expire.
      await store.transaction((tx) => deleteExpired(tx, { ...times, rateWindowsBefore: -1 }, 1_000));
    },
  };
  return harness;
}
