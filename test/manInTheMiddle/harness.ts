/** A server, two users, and the man in the middle who holds the line between them. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { connect, type Vws, VwsError, type VwsErrorCode } from '../../src/client/index.ts';
import { createFakeClock, createMemoryStorage, type FakeClock, type MemoryStorage } from '../support/client/harness.ts';
import type { Identity } from '../support/client/memorySuite2.ts';
import { newPerson, type Person } from '../support/people.ts';
import type { TestServer } from '../support/server.ts';
import { findTraces } from '../support/traces.ts';
import { type Line, openLine, type Tamper } from './line.ts';

/** Somebody with a session, as the man in the middle meets them. */
export interface Victim {
  readonly vws: Vws;
  readonly person: Person;
  readonly clock: FakeClock;
  readonly storage: MemoryStorage;
}

export interface Harness {
  readonly server: TestServer;
  readonly line: Line;
  /** The server's identity, which the man has not, but with which a test signs what the server may once have signed. */
  readonly identity: Identity;
  /** Has a session that goes on through all attacks. */
  readonly bob: Victim;
  /** How Alice connects; her clock stands still but for pauses, which take no time. */
  options(): { pin: string; clock: FakeClock; storage: MemoryStorage };
  /** Alice's session: that which the attack before left unharmed. */
  enter(): Promise<Victim>;
  /** Alice opens a session and logs in. */
  enterAnew(): Promise<Victim>;
  /** A new user, logged in. */
  join(): Promise<Victim>;
  /** What goes over the line is changed until the task is done. */
  tampering<T>(tamper: Tamper, task: () => Promise<T>): Promise<T>;
  /** Asserts that all is as it would be had there been no attack, whatever the man does with what he heard. */
  expectUnharmed(alice: Victim, secrets?: readonly string[]): Promise<void>;
}

/** Milliseconds of Alice's time for a call: enough to send a request twice. */
const DEADLINE = 300;

export async function createHarness(t: TestContext, server: TestServer, identity: Identity): Promise<Harness> {
  const line = await openLine(t, () => server.url);

  function options() {
    const clock = createFakeClock();
    clock.advance(Date.now() - clock.now());
    return { pin: identity.fingerprint, clock, storage: createMemoryStorage(), deadline: DEADLINE };
  }
  async function open(person: Person): Promise<Victim> {
    const given = options();
    const vws = await connect(line.url, given);
    return { vws, person, clock: given.clock, storage: given.storage };
  }
  async function join(): Promise<Victim> {
    const victim = await open(newPerson());
    await victim.vws.register(victim.person);
    return victim;
  }

  const bob = await join();
  const { person } = await join();
  let unharmed: Victim | undefined;
  async function enterAnew(): Promise<Victim> {
    const alice = await open(person);
    await alice.vws.login(person);
    return alice;
  }
  return {
    server,
    line,
    identity,
    bob,
    options,
    join,
    async enter() {
      const alice = unharmed ?? (await enterAnew());
      unharmed = undefined;
      return alice;
    },
    enterAnew,
    async tampering(tamper, task) {
      let requests = 0;
      line.tamper = (request, ...rest) => {
        requests += 1;
        return tamper(request, ...rest);
      };
      try {
        const result = await task();
        assert.ok(requests > 0, 'nothing went over the line to be tampered with');
        return result;
      } finally {
        line.tamper = undefined;
      }
    },
    async expectUnharmed(alice, secrets = []) {
      await expectUnharmed({ line, bob }, alice, secrets);
      if (alice.person === person) unharmed = alice;
    },
  };
}

async function expectUnharmed(
  { line, bob }: Pick<Harness, 'line' | 'bob'>,
  alice: Victim,
  said: readonly string[],
): Promise<void> {
  const { person, vws } = alice;
  const { email, username, password } = person;
  assert.deepEqual(await vws.getAccount(), { username, email });
  const text = `a text that nobody else may read, ${newPerson().username}`;
  const message = await vws.encrypt(bob.person.username, text);
  const opened = await bob.vws.decrypt(message);
  assert.deepEqual([opened.text, opened.sender], [text, username]);
  await rename(alice);

  // Whatever was executed once more would undo this.
  const requests = new Map(line.heard.map(({ request }) => [request.path + request.body, request]));
  await Promise.all([...requests.values()].map(line.send));
  assert.deepEqual(await vws.getAccount(), { username: person.username, email });
  await bob.vws.getAccount();

  for (const { request } of line.heard) expectSuite2(request.body);
  const secrets = [password, email, text, message, username, person.username, bob.person.username, ...said];
  const wanted = secrets.map((value) => ({ what: value, value }));
  assert.deepEqual(findTraces(new Map([['the line', Buffer.from(line.texts.join('\n'))]]), wanted), []);
  line.forget();
}

/** Alice takes another name: the effect that must happen once. */
export async function rename(alice: Victim, username = newPerson().username): Promise<void> {
  await alice.vws.changeUsername({ newUsername: username, password: alice.person.password });
  alice.person.username = username;
}

/** Asserts what a client reports, and that nothing of it is an attacker's words. */
export async function expectError(promise: Promise<unknown>, code: VwsErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof VwsError, String(error));
    assert.equal(error.code, code, error.message);
    assert.doesNotMatch(error.message + error.detail, new RegExp(ATTACKERS_WORDS));
    return true;
  });
}

/** In whatever an attacker writes for people to read. */
export const ATTACKERS_WORDS = 'Call 555-0100';

function expectSuite2(body: string): void {
  const { suite, session_key: sessionKey } = JSON.parse(body);
  assert.ok(suite === 2 || /^2\./.test(sessionKey), `not suite 2: ${body}`);
}
