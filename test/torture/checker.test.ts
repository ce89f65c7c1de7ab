/** The checker of the torture run sees broken promises: here they are broken on purpose. */
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createAnswerLedger } from './answerLedger.ts';
import { runSql } from './disk.ts';
import { createNameRegistry } from './names.ts';
import { createQuietWorld } from './quietWorld.ts';
import { createWitness, formatReport, type Witness } from './witness.ts';
import type { World } from './world.ts';

const LIFE_MILLISECONDS = 1_000;

const promisesBroken = ({ broken }: Witness): string[] => broken.map(({ promise }) => promise);

async function liveAWhile(world: World): Promise<void> {
  const stop = world.start();
  await delay(LIFE_MILLISECONDS);
  await stop();
}

test('a disk that forgets what was acknowledged', async (t) => {
  const world = await createQuietWorld(t);
  const { cluster, database, witness } = world;
  assert.ok(database.engine === 'sqlite');
  const folder = dirname(database.path);
  const copy = `${folder}-copy`;
  t.after(() => rm(copy, { recursive: true, force: true }));
  await liveAWhile(world);
  await cluster.stopAll();
  await cp(folder, copy, { recursive: true });
  await cluster.startAll();
  await liveAWhile(world);
  await world.checkActors();
  assert.deepEqual(promisesBroken(witness), [], formatReport(witness, 'before'));

  await cluster.stopAll();
  await rm(folder, { recursive: true });
  await cp(copy, folder, { recursive: true });
  await cluster.startAll();
  await world.checkActors();
  const broken = promisesBroken(witness);
  assert.ok(broken.includes('a session is not lost'), broken.join('\n'));
  assert.match(witness.broken[0]?.history.join('\n') ?? '', /POST \//);
});

test('a database in which single things change', async (t) => {
  const world = await createQuietWorld(t);
  const { cluster, database, witness } = world;
  await liveAWhile(world);
  await cluster.stopAll();
  await runSql(
    database,
    'UPDATE users SET password_hash = (SELECT password_hash FROM users ORDER BY created_at LIMIT 1)',
    // Of all: the newest may be one that nobody uses any more.
    `UPDATE users SET username = username || '?', username_key = username_key || '?'`,
  );
  await cluster.startAll();
  await world.checkActors();
  await world.checkTraces();
  const broken = promisesBroken(witness);
  for (const promise of [
    'an acknowledged account and password log in',
    "an acknowledged name is the account's",
    'accounts and names are kept',
  ]) {
    assert.ok(broken.includes(promise), `not seen: ${promise}\n${broken.join('\n')}`);
  }
});

test('a request that is executed twice', () => {
  const witness = createWitness();
  const ledger = createAnswerLedger(witness);
  const request = Buffer.from('the same bytes');
  ledger.record('/change_password', request, 200, Buffer.from('keys'));
  ledger.record('/change_password', request, 404, Buffer.from('"Session not found!"'));
  ledger.record('/change_password', request, 200, Buffer.from('keys'));
  ledger.record('/create_session_key', request, 200, Buffer.from('one'));
  ledger.record('/create_session_key', request, 200, Buffer.from('two'));
  assert.deepEqual(promisesBroken(witness), []);
  ledger.record('/change_password', request, 200, Buffer.from('other keys'));
  assert.deepEqual(promisesBroken(witness), ['the same bytes get the same answer']);
});

test('a name that two accounts have, and one that nobody has and nobody gets', () => {
  const witness = createWitness();
  const names = createNameRegistry(witness);
  const asked = performance.now();
  names.doubt('n', 'ada');
  names.refused('n', 'bob', asked);
  names.settle('n', 'ada', true);
  names.refused('n', 'bob', asked);
  assert.deepEqual(promisesBroken(witness), []);
  names.doubt('n', 'bob');
  names.settle('n', 'bob', true);
  assert.deepEqual(promisesBroken(witness), ["a name is one account's"]);
  names.settle('n', 'ada', false);
  names.settle('n', 'bob', false);
  names.refused('n', 'eve', performance.now() + 1);
  assert.deepEqual(promisesBroken(witness).slice(1), ['a name that nobody has can be had']);
});

test('mails that are lost, and mails that come twice under two names', async (t) => {
  const world = await createQuietWorld(t);
  const { cluster, database, witness } = world;
  const stop = world.start();
  while (witness.counts.recoveries === 0) await delay(50);
  await stop();
  await cluster.stopAll();
  await runSql(database, 'CREATE TRIGGER forgets AFTER INSERT ON outbox BEGIN DELETE FROM outbox; END');
  await cluster.startAll();
  await liveAWhile(world);
  await world.checkTraces();
  assert.ok(promisesBroken(witness).includes('each recovery is mailed once'), formatReport(witness, 'mails'));
});
