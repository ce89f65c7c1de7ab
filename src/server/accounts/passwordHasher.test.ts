// PasswordHasher: hashes, the pepper, equal cost for unknown accounts, the bounded pool.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { PLACE } from '../../../test/support/accounts.ts';
import { HashCosts } from './hashCosts.ts';
import { PasswordHasher, type PasswordHasherOptions } from './passwordHasher.ts';

/** The minimum of Argon2; these tests do not depend on the cost. */
const CHEAPEST = { memory: 8, iterations: 1 };
const pepper = randomBytes(32);
/** Matches no password. */
const NO_HASH = new HashCosts('m=8,t=1,p=1', Date.now).dummyHash(0);

const create = (changes: Partial<PasswordHasherOptions> = {}) =>
  PasswordHasher.create({ pepper, cost: CHEAPEST, queueLimit: 10, concurrency: 1, ...changes });

test('a password verifies against its own hash only', async () => {
  const hasher = await create();
  const [hash, again] = [await hasher.hash('blue owl sky', PLACE), await hasher.hash('blue owl sky', PLACE)];
  assert.match(hash, /^\$argon2id\$v=19\$m=8,t=1,p=1\$/);
  assert.notEqual(again, hash, 'salted');
  assert.ok(await hasher.verify(async () => hash, 'blue owl sky', PLACE));
  assert.ok(await hasher.verify(async () => again, 'blue owl sky', PLACE));
  for (const wrong of ['Blue owl sky', 'blue owl sky ', '']) {
    assert.equal(await hasher.verify(async () => hash, wrong, PLACE), false, wrong);
  }
});

test('an equivalent Unicode spelling of the password verifies', async () => {
  const hasher = await create();
  const hash = await hasher.hash('Ångström ﬁsh', PLACE);
  assert.ok(await hasher.verify(async () => hash, 'A\u030angstro\u0308m fish', PLACE));
});

test('a hash does not verify without the pepper', async () => {
  const hash = await (await create()).hash('blue owl sky', PLACE);
  const attacker = await create({ pepper: randomBytes(32) });
  assert.equal(await attacker.verify(async () => hash, 'blue owl sky', PLACE), false);
});

test('unknown account: the check fails and costs as much as a wrong password', async () => {
  const hasher = await create({ cost: { memory: 64 * 1024, iterations: 2 } });
  const hash = await hasher.hash('blue owl sky', PLACE);
  /** Returns milliseconds of processor time on all threads, which does not include waiting for other processes. */
  async function workOf(findHash: () => Promise<string>): Promise<number> {
    const before = process.cpuUsage();
    assert.equal(await hasher.verify(findHash, 'wrong', PLACE), false);
    return process.cpuUsage(before).user / 1000;
  }
  const [known, unknown] = [
    await workOf(async () => hash),
    await workOf(async () => new HashCosts(hasher.parameters, Date.now).dummyHash(0.5)),
  ];
  assert.ok(unknown > known / 3, `${unknown} ms for an unknown account, ${known} ms for a known one`);
});

test('a hash with another cost verifies and needs a rehash', async () => {
  const cheap = await create();
  const hash = await cheap.hash('blue owl sky', PLACE);
  assert.equal(cheap.needsRehash(hash), false);
  for (const cost of [
    { memory: 16, iterations: 1 },
    { memory: 8, iterations: 2 },
  ]) {
    const dearer = await create({ cost });
    assert.ok(await dearer.verify(async () => hash, 'blue owl sky', PLACE));
    assert.equal(dearer.needsRehash(hash), true);
    assert.equal(dearer.needsRehash(await dearer.hash('blue owl sky', PLACE)), false);
  }
});

/** Records the checks that started, in order; each one waits until the test finishes it. */
function gatedChecks(hasher: PasswordHasher) {
  const begun: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<string>>();
  return {
    begun,
    start(name: string): Promise<boolean> {
      const gate = Promise.withResolvers<string>();
      gates.set(name, gate);
      const findHash = () => {
        begun.push(name);
        return gate.promise;
      };
      return hasher.verify(findHash, 'any', PLACE);
    },
    finish: (name: string) => gates.get(name)?.resolve(NO_HASH),
    fail: (name: string, reason: Error) => gates.get(name)?.reject(reason),
  };
}

test('runs a limited number of checks at once, queues a limited number in order, rejects the rest', async () => {
  const checks = gatedChecks(await create({ concurrency: 2, queueLimit: 3 }));
  const accepted = ['a', 'b', 'c', 'd', 'e'].map((name) => checks.start(name));
  for (const name of ['f', 'g']) {
    await assert.rejects(checks.start(name), { code: 'overloaded', retryAfterSeconds: 2 });
  }
  assert.deepEqual(checks.begun, ['a', 'b']);

  checks.finish('b');
  assert.equal(await accepted[1], false);
  assert.deepEqual(checks.begun, ['a', 'b', 'c']);
  // The queue has room again, at its end.
  accepted.push(checks.start('h'));
  for (const name of ['a', 'c', 'd', 'e', 'h']) checks.finish(name);
  await Promise.all(accepted);
  assert.deepEqual(checks.begun, ['a', 'b', 'c', 'd', 'e', 'h']);
});

test('hashing takes a slot like checking', async () => {
  const hasher = await create({ concurrency: 1, queueLimit: 1 });
  const checks = gatedChecks(hasher);
  const running = checks.start('a');
  const waiting = hasher.hash('blue owl sky', PLACE);
  await assert.rejects(hasher.hash('green owl sky', PLACE), { code: 'overloaded' });
  checks.finish('a');
  await running;
  assert.match(await waiting, /^\$argon2id\$/);
});

test('a failing check frees its slot', async () => {
  const hasher = await create({ concurrency: 1, queueLimit: 1 });
  const checks = gatedChecks(hasher);
  const [failing, next] = [checks.start('a'), checks.start('b')];
  checks.fail('a', new Error('the database is away'));
  await assert.rejects(failing, /the database is away/);
  checks.finish('b');
  assert.equal(await next, false);
  await assert.rejects(hasher.verify(async () => 'no hash at all', 'any', PLACE));
  assert.match(await hasher.hash('blue owl sky', PLACE), /^\$argon2id\$/);
});
