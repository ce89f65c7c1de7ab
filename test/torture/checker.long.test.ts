// The checks of the torture run detect violated guarantees: here the guarantees are violated on purpose.
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/poll.ts';
import { runSql } from '../support/sql.ts';
import { begin } from './actor.ts';
import type { Harness } from './harness.ts';
import { createNameRegistry } from './names.ts';
import { createOracle, formatReport, type Oracle } from './oracle.ts';
import { createQuietHarness } from './quietHarness.ts';
import { createResponseLedger } from './responseLedger.ts';

const ACTORS_TIMEOUT_MS = 60_000;

const violatedGuarantees = ({ violations }: Oracle): string[] => violations.map(({ guarantee }) => guarantee);

/** Lets the actors act until `isEnough`. */
async function actUntil(harness: Harness, isEnough: () => boolean): Promise<void> {
  const stop = harness.start();
  await eventually('the actors', () => isEnough() || undefined, ACTORS_TIMEOUT_MS);
  await stop();
}

/** Waits for enough acknowledged requests to advance at least one session by several steps. */
function actForAWhile(harness: Harness): Promise<void> {
  const { counts } = harness.oracle;
  const enough = counts.acknowledged + 60;
  return actUntil(harness, () => counts.acknowledged >= enough);
}

test('checks report a disk that loses acknowledged data', async (t) => {
  const harness = await createQuietHarness(t);
  const { cluster, database, oracle } = harness;
  assert.ok(database.engine === 'sqlite');
  const folder = dirname(database.path);
  const copy = `${folder}-copy`;
  t.after(() => rm(copy, { recursive: true, force: true }));
  await actForAWhile(harness);
  await cluster.stopAll();
  await cp(folder, copy, { recursive: true });
  await cluster.startAll();
  await actForAWhile(harness);
  await harness.checkActors();
  assert.deepEqual(violatedGuarantees(oracle), [], formatReport(oracle, 'before'));

  await cluster.stopAll();
  await rm(folder, { recursive: true });
  await cp(copy, folder, { recursive: true });
  await cluster.startAll();
  await harness.checkActors();
  const violated = violatedGuarantees(oracle);
  assert.ok(violated.includes('a session is not lost'), violated.join('\n'));
  assert.match(oracle.violations[0]?.history.join('\n') ?? '', /POST \//);
});

test('checks report single changes in the database', async (t) => {
  const harness = await createQuietHarness(t);
  const { cluster, database, oracle } = harness;
  await actUntil(harness, () => oracle.counts.registrations >= harness.actors.length);
  await cluster.stopAll();
  await runSql(
    database,
    'UPDATE users SET password_hash = (SELECT password_hash FROM users ORDER BY created_at LIMIT 1)',
    // All users: the newest account may be unused.
    `UPDATE users SET username = username || '?', username_key = username_key || '?'`,
  );
  await cluster.startAll();
  await harness.checkActors();
  await harness.checkTraces();
  const violated = violatedGuarantees(oracle);
  for (const guarantee of [
    'an acknowledged account and password log in',
    "an acknowledged name is the account's",
    'accounts and names are kept',
  ]) {
    assert.ok(violated.includes(guarantee), `not seen: ${guarantee}\n${violated.join('\n')}`);
  }
});

test('checks report a request that was executed twice', () => {
  const oracle = createOracle();
  const ledger = createResponseLedger(oracle);
  const request = Buffer.from('the same bytes');
  ledger.record('/change_password', request, 200, Buffer.from('keys'));
  ledger.record('/change_password', request, 404, Buffer.from('"Session not found!"'));
  ledger.record('/change_password', request, 200, Buffer.from('keys'));
  ledger.record('/create_session_key', request, 200, Buffer.from('one'));
  ledger.record('/create_session_key', request, 200, Buffer.from('two'));
  assert.deepEqual(violatedGuarantees(oracle), []);
  ledger.record('/change_password', request, 200, Buffer.from('other keys'));
  assert.deepEqual(violatedGuarantees(oracle), ['the same bytes get the same answer']);
});

test('checks report a name of two accounts, and a free name that is refused', () => {
  const oracle = createOracle();
  const names = createNameRegistry(oracle);
  const asked = performance.now();
  names.markUncertain('n', 'ada');
  names.refused('n', 'bob', asked);
  names.settle('n', 'ada', true);
  names.refused('n', 'bob', asked);
  assert.deepEqual(violatedGuarantees(oracle), []);
  names.markUncertain('n', 'bob');
  names.settle('n', 'bob', true);
  assert.deepEqual(violatedGuarantees(oracle), ['a name belongs to one account']);
  names.settle('n', 'ada', false);
  names.settle('n', 'bob', false);
  names.refused('n', 'eve', performance.now() + 1);
  names.markUncertain('m', 'ada');
  names.settle('m', 'ada', false);
  names.refused('m', 'eve', performance.now() + 1);
  assert.deepEqual(violatedGuarantees(oracle).slice(1), ['a name that no account has or had can be taken']);
});

test('checks report lost emails', async (t) => {
  const harness = await createQuietHarness(t);
  const { cluster, database, oracle } = harness;
  const [actor = assert.fail()] = harness.actors;
  await begin(actor);
  actor.begun = true;
  await cluster.stopAll();
  await runSql(database, 'CREATE TRIGGER forgets AFTER INSERT ON outbox BEGIN DELETE FROM outbox; END');
  await cluster.startAll();
  const session = await actor.client.handshake();
  await actor.client.requestUntilResponse(session, '/forgot_password', { email: actor.account.email });
  actor.account.mails.asked += 1;
  await harness.checkTraces();
  assert.ok(violatedGuarantees(oracle).includes('each recovery is mailed once'), formatReport(oracle, 'mails'));
});
