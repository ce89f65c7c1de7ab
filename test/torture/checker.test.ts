/** The checker of the torture run sees broken promises: here they are broken on purpose. */
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createAnswerLedger } from './answerLedger.ts';
import { runSql } from './disk.ts';
import type { Harness } from './harness.ts';
import { createNameRegistry } from './names.ts';
import { createOracle, formatReport, type Oracle } from './oracle.ts';
import { createQuietHarness } from './quietHarness.ts';

const LIFE_MILLISECONDS = 1_000;

const promisesBroken = ({ broken }: Oracle): string[] => broken.map(({ promise }) => promise);

async function liveAWhile(harness: Harness): Promise<void> {
  const stop = harness.start();
  await delay(LIFE_MILLISECONDS);
  await stop();
}

test('a disk that forgets what was acknowledged', async (t) => {
  const harness = await createQuietHarness(t);
  const { cluster, database, oracle } = harness;
  assert.ok(database.engine === 'sqlite');
  const folder = dirname(database.path);
  const copy = `${folder}-copy`;
  t.after(() => rm(copy, { recursive: true, force: true }));
  await liveAWhile(harness);
  await cluster.stopAll();
  await cp(folder, copy, { recursive: true });
  await cluster.startAll();
  await liveAWhile(harness);
  await harness.checkActors();
  assert.deepEqual(promisesBroken(oracle), [], formatReport(oracle, 'before'));

  await cluster.stopAll();
  await rm(folder, { recursive: true });
  await cp(copy, folder, { recursive: true });
  await cluster.startAll();
  await harness.checkActors();
  const broken = promisesBroken(oracle);
  assert.ok(broken.includes('a session is not lost'), broken.join('\n'));
  assert.match(oracle.broken[0]?.history.join('\n') ?? '', /POST \//);
});

test('a database in which single things change', async (t) => {
  const harness = await createQuietHarness(t);
  const { cluster, database, oracle } = harness;
  await liveAWhile(harness);
  await cluster.stopAll();
  await runSql(
    database,
    'UPDATE users SET password_hash = (SELECT password_hash FROM users ORDER BY created_at LIMIT 1)',
    // Of all: the newest may be one that nobody uses any more.
    `UPDATE users SET username = username || '?', username_key = username_key || '?'`,
  );
  await cluster.startAll();
  await harness.checkActors();
  await harness.checkTraces();
  const broken = promisesBroken(oracle);
  for (const promise of [
    'an acknowledged account and password log in',
    "an acknowledged name is the account's",
    'accounts and names are kept',
  ]) {
    assert.ok(broken.includes(promise), `not seen: ${promise}\n${broken.join('\n')}`);
  }
});

test('a request that is executed twice', () => {
  const oracle = createOracle();
  const ledger = createAnswerLedger(oracle);
  const request = Buffer.from('the same bytes');
  ledger.record('/change_password', request, 200, Buffer.from('keys'));
  ledger.record('/change_password', request, 404, Buffer.from('"Session not found!"'));
  ledger.record('/change_password', request, 200, Buffer.from('keys'));
  ledger.record('/create_session_key', request, 200, Buffer.from('one'));
  ledger.record('/create_session_key', request, 200, Buffer.from('two'));
  assert.deepEqual(promisesBroken(oracle), []);
  ledger.record('/change_password', request, 200, Buffer.from('other keys'));
  assert.deepEqual(promisesBroken(oracle), ['the same bytes get the same answer']);
});

test('a name that two accounts have, and one that nobody has and nobody gets', () => {
  const oracle = createOracle();
  const names = createNameRegistry(oracle);
  const asked = performance.now();
  names.doubt('n', 'ada');
  names.refused('n', 'bob', asked);
  names.settle('n', 'ada', true);
  names.refused('n', 'bob', asked);
  assert.deepEqual(promisesBroken(oracle), []);
  names.doubt('n', 'bob');
  names.settle('n', 'bob', true);
  assert.deepEqual(promisesBroken(oracle), ["a name is one account's"]);
  names.settle('n', 'ada', false);
  names.settle('n', 'bob', false);
  names.refused('n', 'eve', performance.now() + 1);
  names.doubt('m', 'ada');
  names.settle('m', 'ada', false);
  names.refused('m', 'eve', performance.now() + 1);
  assert.deepEqual(promisesBroken(oracle).slice(1), ['a name that nobody has or had can be had']);
});

test('mails that are lost, and mails that come twice under two names', async (t) => {
  const harness = await createQuietHarness(t);
  const { cluster, database, oracle } = harness;
  const stop = harness.start();
  while (oracle.counts.recoveries === 0) await delay(50);
  await stop();
  await cluster.stopAll();
  await runSql(database, 'CREATE TRIGGER forgets AFTER INSERT ON outbox BEGIN DELETE FROM outbox; END');
  await cluster.startAll();
  await liveAWhile(harness);
  await harness.checkTraces();
  assert.ok(promisesBroken(oracle).includes('each recovery is mailed once'), formatReport(oracle, 'mails'));
});
