// A server, two users, and a line between them that the attacker controls.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { connect, type Vws, VwsError, type VwsErrorCode } from '../../src/client/index.ts';
import { createFakeClock, createMemoryStorage, type FakeClock, type MemoryStorage } from '../support/client/harness.ts';
import type { Identity } from '../support/client/memorySuite2.ts';
import { newPerson, type Person, registerVws } from '../support/people.ts';
import type { TestServer } from '../support/server.ts';
import { findTraces } from '../support/traces.ts';
import { type Line, openLine, type Tamper } from './line.ts';

/** A user with a session, whose traffic is attacked. */
export interface Victim {
  readonly vws: Vws;
  readonly person: Person;
  readonly clock: FakeClock;
  readonly storage: MemoryStorage;
}

export interface Harness {
  readonly server: TestServer;
  readonly line: Line;
  /** The server's identity. The attacker does not have it; tests sign with it what the server may have signed earlier. */
  readonly identity: Identity;
  /** Has a session that continues through all attacks. */
  readonly bob: Victim;
  /** Options of Alice's connection; only pauses advance her clock, and take no real time. */
  options(): { pin: string; clock: FakeClock; storage: MemoryStorage };
  /** Alice's session, which the previous attack left unharmed. */
  enter(): Promise<Victim>;
  /** Alice opens a session and logs in. */
  enterAgain(): Promise<Victim>;
  /** A new user, logged in. */
  join(): Promise<Victim>;
  /** Tampers with all traffic until the task is done. */
  tampering<T>(tamper: Tamper, task: () => Promise<T>): Promise<T>;
  /** Asserts that the attack had no effect, even if the attacker repeats everything they recorded. */
  expectUnharmed(alice: Victim, secrets?: readonly string[]): Promise<void>;
}

/** Milliseconds of Alice's time for a call: enough to send a request twice. */
const DEADLINE_MS = 300;

export async function createHarness(t: TestContext, server: TestServer, identity: Identity): Promise<Harness> {
  const line = await openLine(t, () => server.url);

  function options() {
    const clock = createFakeClock();
    clock.advance(Date.now() - clock.now());
    return { pin: identity.fingerprint, clock, storage: createMemoryStorage(), deadline: DEADLINE_MS };
  }
  async function open(person: Person): Promise<Victim> {
    const given = options();
    const vws = await connect(line.url, given);
    return { vws, person, clock: given.clock, storage: given.storage };
  }
  async function join(): Promise<Victim> {
    const victim = await open(newPerson());
    await registerVws(victim.vws, server, victim.person);
    return victim;
  }

  const bob = await join();
  const { person } = await join();
  let unharmed: Victim | undefined;
  async function enterAgain(): Promise<Victim> {
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
      const alice = unharmed ?? (await enterAgain());
      unharmed = undefined;
      return alice;
    },
    enterAgain,
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
  const text = `a text for Bob only, ${newPerson().username}`;
  const message = await vws.encrypt(bob.person.username, text);
  const opened = await bob.vws.decrypt(message);
  assert.deepEqual([opened.text, opened.sender], [text, username]);
  await rename(alice);

  // Any repeated execution would undo this.
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

/** Changes Alice's name: the effect that must happen once. */
export async function rename(alice: Victim, username = newPerson().username): Promise<void> {
  await alice.vws.changeUsername({ newUsername: username, password: alice.person.password });
  alice.person.username = username;
}

/** Asserts what a client reports, and that it contains none of the attacker's text. */
export async function expectError(promise: Promise<unknown>, code: VwsErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof VwsError, String(error));
    assert.equal(error.code, code, error.message);
    assert.doesNotMatch(error.message + error.detail, new RegExp(ATTACKERS_WORDS));
    return true;
  });
}

/** Part of every text that the attacker writes for users. */
export const ATTACKERS_WORDS = 'Call 555-0100';

function expectSuite2(body: string): void {
  const { suite, session_key: sessionKey } = JSON.parse(body);
  assert.ok(suite === 2 || /^2\./.test(sessionKey), `not suite 2: ${body}`);
}
