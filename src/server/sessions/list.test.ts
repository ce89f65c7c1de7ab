// Listing and ending sessions, in both suites.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import {
  asHandler,
  asHttp,
  effect,
  handshake as handshake1,
  keysOf,
  own,
  sealedRequest,
  type TestHandler,
  takeEffect,
} from '../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { open as openField, openResponse, prepare } from '../../../test/support/suite1Client.ts';
import { openResponse2, prepare2 } from '../../../test/support/suite2Client.ts';
import { createSuite2Harness, IDLE_TIME, sealedRequest2 } from '../../../test/support/suite2Fixtures.ts';
import { type Endpoint, endpoints } from '../../protocol/endpoints.ts';
import { problems } from '../../protocol/problems.ts';
import { insertUser } from '../store/users.ts';
import type { Exchange } from './exchange.ts';
import { type ListedSession, MAX_SESSIONS_PER_ACCOUNT, UserSessions } from './list.ts';
import type { LoggedInSession } from './session.ts';

/** A response of either suite. */
interface Reply {
  /** `done`, or the problem that was reported. */
  readonly outcome: string;
  readonly sessions?: readonly ListedSession[];
  readonly text: string;
}

/** Sends a prepared request; may be called repeatedly. */
type Send = (by?: Exchange) => Promise<Reply>;

/** A session of either suite. A client of suite 1 may return to a step that it gave up on. */
interface Conversation {
  prepare(endpoint: Endpoint, fields?: Record<string, string>, handler?: TestHandler): Send;
  call(endpoint: Endpoint, fields?: Record<string, string>, handler?: TestHandler): Promise<Reply>;
  logIn(userId: Uint8Array): Promise<void>;
}

const refusalOf = (code: 'not_authenticated' | 'no_such_session', suite: number): string => {
  const { suite1 } = problems[code];
  return suite === 2 ? code : 'sentence' in suite1 ? suite1.sentence : '';
};

async function createHarness(t: TestContext) {
  const harness = await createSuite2Harness(t, await newStoreLocation(t));
  const { store, exchange, time } = harness;
  const sessions = new UserSessions(IDLE_TIME, time.clock);
  const of = ({ session }: { readonly session: unknown }) => session as LoggedInSession;
  const handlers = new Map<string, TestHandler>([
    [
      endpoints.listSessions.path,
      { execute: async (request, tx) => ({ response: { sessions: await sessions.list(tx, of(request)) } }) },
    ],
    [
      endpoints.endSession.path,
      {
        execute: async (request, tx) => {
          const { session: id = '' } = request.fields as Record<string, string>;
          await sessions.end(tx, of(request), id);
          return {};
        },
      },
    ],
    [
      endpoints.endOtherSessions.path,
      {
        execute: async (request, tx) => {
          await sessions.endOthers(tx, of(request));
          return {};
        },
      },
    ],
    [
      endpoints.logOut.path,
      {
        execute: async (request, tx) => {
          await sessions.logOut(tx, of(request));
          return { session: { userId: null, pendingId: null } };
        },
      },
    ],
  ]);
  const handlerOf = ({ path }: Endpoint) => handlers.get(path) ?? { execute: takeEffect };
  const logInAs = (userId: Uint8Array): TestHandler => ({
    execute: async () => ({ session: { userId, pendingId: randomBytes(16) } }),
  });
  const conversationOf = (prepareRequest: Conversation['prepare']): Conversation => ({
    prepare: prepareRequest,
    call: (endpoint, fields, handler) => prepareRequest(endpoint, fields, handler)(),
    async logIn(userId) {
      const { outcome } = await prepareRequest(effect, { text: 'x' }, logInAs(userId))();
      assert.equal(outcome, 'done');
    },
  });

  return {
    ...harness,
    sessions,
    async newUser(): Promise<Uint8Array> {
      const [userId, name] = [randomBytes(16), randomBytes(8).toString('hex')];
      const names = { username: name, username_key: name, email: name, email_key: name };
      await store.transaction((tx) => insertUser(tx, { user_id: userId, ...names, password_hash: '', created_at: 0 }));
      return userId;
    },
    async open(suite: number): Promise<Conversation> {
      if (suite === 1) {
        let keys = await handshake1(exchange);
        return conversationOf((endpoint, fields = {}, handler = handlerOf(endpoint)) => {
          const request = prepare(keys, endpoint.path, fields);
          return async (by = exchange) => {
            const http = asHttp(await by.run(asHandler(handler), sealedRequest({ endpoint, request })));
            const answer = openResponse(request, http);
            keys = keysOf(answer);
            const { sessions: sealed } = answer.body as { sessions?: string };
            const listed = sealed && { sessions: JSON.parse(openField(keys.aesKey, sealed)) as ListedSession[] };
            return { outcome: answer.error ?? 'done', text: http.text, ...(listed || {}) };
          };
        });
      }
      let step = await harness.handshake();
      return conversationOf((endpoint, fields = {}, handler = handlerOf(endpoint)) => {
        const request = prepare2(step, endpoint.path, fields);
        return async (by = exchange) => {
          const http = asHttp(await by.run(asHandler(handler), sealedRequest2({ endpoint, request })));
          const { json, next } = openResponse2(request, http);
          step = next;
          const listed = json as { readonly sessions?: ListedSession[]; readonly code?: string };
          return {
            outcome: listed.code ?? 'done',
            text: http.text,
            ...(listed.sessions && { sessions: listed.sessions }),
          };
        };
      });
    },
  };
}

/** The label of a session that was not labeled. */
const labelOf = (suite: number) => (suite === 1 ? 'Old VWS client' : null);

async function list(conversation: Conversation): Promise<readonly ListedSession[]> {
  return (await conversation.call(endpoints.listSessions)).sessions ?? assert.fail('no list');
}

const isOver = { code: 'session_not_found' };

for (const suite of [1, 2]) {
  describe(`session of suite ${suite}`, () => {
    test('list: the sessions of its user in both suites, the most recently used first', async (t) => {
      const { time, open, newUser } = await createHarness(t);
      const [user, somebodyElse] = [await newUser(), await newUser()];
      const began = time.clock();
      const [conversation, other, stranger] = [await open(suite), await open(3 - suite), await open(suite)];
      await open(suite);
      await conversation.logIn(user);
      time.advance(1_000);
      await other.logIn(user);
      await stranger.logIn(somebodyElse);
      time.advance(1_000);
      const listed = await list(conversation);
      assert.deepEqual(
        listed.map(({ id, ...session }) => session),
        [
          // The current session is in use right now.
          { suite, started_at: began, last_used_at: began + 2_000, current: true, label: labelOf(suite) },
          {
            suite: 3 - suite,
            started_at: began,
            last_used_at: began + 1_000,
            current: false,
            label: labelOf(3 - suite),
          },
        ],
      );
      for (const { id } of listed) assert.match(id, /^[A-Za-z0-9_-]{22,43}$/);
      const again = await list(conversation);
      assert.deepEqual(
        again.map(({ id, current }) => [id, current]),
        listed.map((session) => [session?.id, session?.current]),
      );
      const fromTheOther = await list(other);
      assert.deepEqual(
        fromTheOther.map(({ id, current }) => [id, current]).sort(),
        again.map(({ id, current }) => [id, !current]).sort(),
      );
    });

    test('list: without idle sessions; sessions of earlier versions have no start time', async (t) => {
      const { store, time, open, newUser } = await createHarness(t);
      const user = await newUser();
      const [conversation, idle] = [await open(suite), await open(suite)];
      await conversation.logIn(user);
      await idle.logIn(user);
      time.advance(IDLE_TIME - 1);
      assert.equal((await list(conversation)).length, 2);
      time.advance(1);
      assert.equal((await list(conversation)).length, 1);
      await store.transaction(({ db }) => db.updateTable('session_steps').set({ started_at: 0 }).execute());
      assert.deepEqual(
        (await list(conversation)).map(({ started_at }) => started_at),
        [null],
      );
    });

    test('end: another session of its user ends at all its steps', async (t) => {
      const { open, newUser } = await createHarness(t);
      const user = await newUser();
      const [conversation, other] = [await open(suite), await open(3 - suite)];
      await conversation.logIn(user);
      const last = other.prepare(effect, { text: 'x' });
      await last();
      await other.logIn(user);
      const { id = '' } = (await list(conversation)).find(({ current }) => !current) ?? {};
      const ending = conversation.prepare(endpoints.endSession, { session: id });
      const { outcome, text } = await ending();
      assert.equal(outcome, 'done');
      assert.equal((await ending()).text, text);
      await assert.rejects(other.call(own, { text: 'x' }), isOver);
      await assert.rejects(last(), isOver);
      assert.deepEqual(
        (await list(conversation)).map(({ current }) => current),
        [true],
      );
      const again = await conversation.call(endpoints.endSession, { session: id });
      assert.equal(again.outcome, refusalOf('no_such_session', suite));
    });

    test('end: no_such_session for itself, for sessions of others and for invalid ids', async (t) => {
      const { steps, open, newUser } = await createHarness(t);
      const [user, somebodyElse] = [await newUser(), await newUser()];
      const [conversation, stranger, anonymous] = [await open(suite), await open(suite), await open(suite)];
      await conversation.logIn(user);
      await stranger.logIn(somebodyElse);
      await anonymous.call(effect, { text: 'x' });
      const ids = (await steps()).map(({ session_id }) => Buffer.from(session_id).toString('base64url'));
      const [{ id: ownId } = assert.fail()] = await list(conversation);
      assert.equal(new Set(ids).size, 3);
      assert.ok(ids.includes(ownId));
      // The same bytes in another spelling.
      const spellings = [`${ownId}=`, Buffer.from(ownId, 'base64url').toString('base64'), ` ${ownId}`];
      for (const session of [...ids, ...spellings, '', 'x', Buffer.alloc(32).toString('base64url'), 'ä'.repeat(100)]) {
        const { outcome } = await conversation.call(endpoints.endSession, { session });
        assert.equal(outcome, refusalOf('no_such_session', suite), session);
      }
      assert.equal((await conversation.call(own, { text: 'x' })).outcome, 'done');
      assert.equal((await stranger.call(own, { text: 'x' })).outcome, 'done');
      assert.equal((await anonymous.call(effect, { text: 'x' })).outcome, 'done');
    });

    test('endOthers: all other sessions of its user in both suites, and none of other users', async (t) => {
      const { open, newUser } = await createHarness(t);
      const [user, somebodyElse] = [await newUser(), await newUser()];
      const [conversation, stranger, anonymous] = [await open(suite), await open(suite), await open(suite)];
      const others = [await open(1), await open(2)];
      for (const each of [conversation, ...others]) await each.logIn(user);
      await stranger.logIn(somebodyElse);
      assert.equal((await conversation.call(endpoints.endOtherSessions)).outcome, 'done');
      for (const other of others) await assert.rejects(other.call(own, { text: 'x' }), isOver);
      for (const each of [conversation, stranger]) assert.equal((await each.call(own, { text: 'x' })).outcome, 'done');
      assert.equal((await anonymous.call(effect, { text: 'x' })).outcome, 'done');
      assert.equal((await list(conversation)).length, 1);
    });

    test('logOut: the session continues without a login and can log in again', async (t) => {
      const { steps, open, newUser } = await createHarness(t);
      const user = await newUser();
      const [conversation, other] = [await open(suite), await open(suite)];
      await conversation.logIn(user);
      await other.logIn(user);
      const leaving = conversation.prepare(endpoints.logOut);
      const { outcome, text } = await leaving();
      assert.equal(outcome, 'done');
      assert.equal((await leaving()).text, text);
      // Only the step of the other session has a user and a recovery.
      const rows = await steps();
      assert.equal(rows.filter(({ user_id }) => user_id !== null).length, 1);
      assert.equal(rows.filter(({ recovery_id }) => recovery_id !== null).length, 1);
      for (const endpoint of [own, endpoints.listSessions, endpoints.logOut]) {
        const fields = endpoint === own ? { text: 'x' } : {};
        assert.equal((await conversation.call(endpoint, fields)).outcome, refusalOf('not_authenticated', suite));
      }
      assert.equal((await list(other)).length, 1);
      await conversation.logIn(user);
      assert.equal((await list(conversation)).length, 2);
    });

    test('without a login: list, end and logOut are not_authenticated', async (t) => {
      const { open, newUser } = await createHarness(t);
      const other = await open(suite);
      await other.logIn(await newUser());
      const conversation = await open(suite);
      const { listSessions, endSession, endOtherSessions, logOut } = endpoints;
      const [{ id: session } = assert.fail()] = await list(other);
      for (const endpoint of [listSessions, endSession, endOtherSessions, logOut]) {
        const { outcome } = await conversation.call(endpoint, endpoint === endSession ? { session } : {});
        assert.equal(outcome, refusalOf('not_authenticated', suite), endpoint.path);
      }
      assert.equal((await other.call(own, { text: 'x' })).outcome, 'done');
    });
  });
}

describe('logged-out session of suite 1', () => {
  test('is logged out at all its steps, also those of dropped responses and the one before', async (t) => {
    const { steps, open, newUser } = await createHarness(t);
    const conversation = await open(1);
    await conversation.logIn(await newUser());
    const [before, leaving, after] = [
      conversation.prepare(own, { text: 'before' }),
      conversation.prepare(endpoints.logOut),
      conversation.prepare(own, { text: 'after' }),
    ];
    const { text } = await before();
    const left = await leaving();
    // A different request at the step that was logged in.
    assert.equal((await after()).outcome, refusalOf('not_authenticated', 1));
    // Retries get the responses that were given.
    assert.equal((await leaving()).text, left.text);
    const repeated = await before();
    assert.deepEqual([repeated.text, repeated.outcome], [text, 'done']);
    // Its keys are valid; the login is gone.
    assert.equal((await conversation.call(own, { text: 'x' })).outcome, refusalOf('not_authenticated', 1));
    for (const { user_id } of await steps()) assert.equal(user_id, null);
  });

  test('stays logged out when other requests run concurrently in two processes', async (t) => {
    const { exchange, other, steps, open, newUser } = await createHarness(t);
    for (let round = 0; round < 5; round += 1) {
      const conversation = await open(1);
      await conversation.logIn(await newUser());
      const requests = Array.from({ length: 8 }, (_, n) =>
        n === 4 ? conversation.prepare(endpoints.logOut) : conversation.prepare(own, { text: `${n}` }),
      );
      const told = await Promise.all(requests.map((send, n) => send(n % 2 ? exchange : other.exchange)));
      assert.equal(told[4]?.outcome, 'done');
      for (const { user_id } of await steps()) assert.equal(user_id, null);
    }
  });
});

test('makeRoom: the least recently used session ends at the 101st login, also in the other suite', async (t) => {
  const { store, time, open, newUser, sessions } = await createHarness(t);
  const user = await newUser();
  const logIn: TestHandler = {
    async execute({ session }, tx) {
      await sessions.makeRoom(tx, user, session);
      return { session: { userId: user } };
    },
  };
  const opened: Conversation[] = [];
  for (let n = 1; n <= MAX_SESSIONS_PER_ACCOUNT; n++) {
    const conversation = await open(n === 1 ? 1 : 2);
    await conversation.call(effect, { text: 'x' }, logIn);
    opened.push(conversation);
    time.advance(1);
  }
  const [first, second] = opened as [Conversation, Conversation];
  await first.call(effect, { text: 'x' });
  const last = await open(1);
  await last.call(effect, { text: 'x' }, logIn);
  assert.equal((await list(last)).length, MAX_SESSIONS_PER_ACCOUNT);
  await assert.rejects(second.call(own, { text: 'x' }), { code: 'session_not_found' });
  assert.equal((await first.call(own, { text: 'x' })).outcome, 'done');
  const rows = await store.transaction(({ db }) => db.selectFrom('session_steps').select('step_id').execute());
  assert.ok(rows.length <= 2 * MAX_SESSIONS_PER_ACCOUNT);
});

test('list: limited to the 100 most recently used sessions', async (t) => {
  const { store, time, open, newUser } = await createHarness(t);
  assert.equal(MAX_SESSIONS_PER_ACCOUNT, 100);
  const user = await newUser();
  const conversation = await open(2);
  await conversation.logIn(user);
  const now = time.clock();
  const rows = Array.from({ length: 120 }, (_, n) => ({
    ...{ step_id: randomBytes(32), session_id: randomBytes(16), parent_id: null, suite: 1, user_id: user },
    ...{ recovery_id: null, sealed_secret: randomBytes(8), request_hash: null, sealed_response: null },
    ...{ repeatable: 0, used: 0, last_used_at: now - n, started_at: n },
  }));
  await store.transaction(({ db }) => db.insertInto('session_steps').values(rows).execute());
  const listed = await list(conversation);
  assert.equal(listed.length, 100);
  const times = listed.map(({ last_used_at }) => last_used_at);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => b - a),
  );
  assert.ok(times.at(-1) === now - 98 || times.at(-1) === now - 99);
});
