// Account deletion: what is gone, what stays, and the name that is never given away.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { CLIENT, createAccountsHarness, outcomeOf } from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { tables } from '../../cli/server/tables.ts';
import { upsertEmailChange } from '../store/emailChanges.ts';
import type { Database, NewRow } from '../store/schema.ts';
import { upsertLabel } from '../store/sessionLabels.ts';
import { parseEmail } from './email.ts';
import { parseUsername } from './username.ts';

const EMAIL = 'ada@example.org';
const PASSWORD = 'blue owl sky';
const [SESSION, OTHER_SESSION] = [randomBytes(16), randomBytes(16)];
const NOW = 1_000_000;

function step(sessionId: Uint8Array, userId: Uint8Array): NewRow<'session_steps'> {
  return {
    ...{ step_id: randomBytes(16), session_id: sessionId, parent_id: null, suite: 2, user_id: userId },
    ...{ recovery_id: null, sealed_secret: randomBytes(16), request_hash: null, sealed_response: null },
    ...{ repeatable: 0, used: 0, last_used_at: NOW },
  };
}

/** A user with a row in each table that refers to users. */
async function createHarness(t: TestContext) {
  const harness = await createAccountsHarness(await openTestStore(t));
  const { transact, register, recovery, accounts } = harness;
  const userId = await register('Countess', EMAIL, PASSWORD);
  const renaming = await accounts.prepareUsernameChange(userId, 'Ada', PASSWORD, CLIENT);
  await transact((tx) => accounts.changeUsername(tx, renaming));
  await transact((tx) => recovery.begin(tx, EMAIL, CLIENT));
  await transact(async (tx) => {
    for (const session of [SESSION, OTHER_SESSION]) {
      await tx.db.insertInto('session_steps').values(step(session, userId)).execute();
      await upsertLabel(tx, { session_id: session, user_id: userId, label: 'x', created_at: NOW });
    }
    const key = { user_id: userId, version: 1, master_key_id: 'key', wrapped_key: randomBytes(8), created_at: NOW };
    await tx.db.insertInto('master_keys').values({ master_key_id: 'key', created_at: NOW }).execute();
    await tx.db.insertInto('user_keys').values(key).execute();
    await upsertEmailChange(tx, {
      ...{ user_id: userId, new_email: 'b@example.org', new_email_key: 'b@example.org', code_hash: randomBytes(8) },
      ...{ tries: 0, expires_at: NOW },
    });
  });
  return {
    ...harness,
    userId,
    accounts,
    async remove(username = 'ada', password = PASSWORD) {
      const verified = await harness.deletion.prepare(userId, username, password, CLIENT);
      await transact((tx) => harness.deletion.execute(tx, SESSION, verified, CLIENT));
    },
  };
}

/** Counts the rows of every table that contain the id of a user. */
async function countRows(db: Database, userId: Uint8Array): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const rows = await db
      .selectFrom(name as 'users')
      .selectAll()
      .execute();
    const isOfUser = (value: unknown) => value instanceof Uint8Array && Buffer.compare(value, userId) === 0;
    const count = rows.filter((row) => Object.values(row).some(isOfUser)).length;
    if (count > 0) counts[name] = count;
  }
  return counts;
}

test('after a deletion, no row of any table refers to the user', async (t) => {
  const { store, userId, remove } = await createHarness(t);
  assert.deepEqual(await store.transaction(({ db }) => countRows(db, userId)), {
    users: 1,
    user_keys: 1,
    recoveries: 1,
    email_changes: 1,
    session_labels: 2,
    former_names: 1,
    name_history: 1,
    name_skeletons: 2,
    session_steps: 2,
  });
  await remove();
  assert.deepEqual(await store.transaction(({ db }) => countRows(db, userId)), {});
});

test('the session of the request continues without a user, all other sessions end', async (t) => {
  const { store, remove, endedSessions } = await createHarness(t);
  await remove();
  const steps = await store.transaction(({ db }) => db.selectFrom('session_steps').selectAll().execute());
  assert.deepEqual(
    steps.map(({ session_id, user_id }) => [Buffer.from(session_id), user_id]),
    [[SESSION, null]],
  );
  assert.equal(endedSessions.length, 1);
});

test('the name and earlier names are never given to another user, the address is free', async (t) => {
  const { remove, register, accounts, transact, logIn } = await createHarness(t);
  await remove('ADA');
  assert.equal(await outcomeOf(logIn(EMAIL, PASSWORD)), 'invalid_credentials');
  for (const name of ['ada', 'ＡＤＡ', 'countess', 'c0untess']) {
    assert.equal(await outcomeOf(register(name, 'eve@example.org', PASSWORD)), 'username_taken', name);
  }
  const eve = await register('eve', EMAIL, PASSWORD);
  for (const name of ['Ada', 'COUNTESS']) {
    const renaming = await accounts.prepareUsernameChange(eve, name, PASSWORD, CLIENT);
    assert.equal(await outcomeOf(transact((tx) => accounts.changeUsername(tx, renaming))), 'username_taken', name);
  }
  assert.equal((await transact((tx) => accounts.show(tx, eve))).username, 'eve');
});

test('a registration during the deletion does not get the name', async (t) => {
  const { accounts, deletion, userId, transact } = await createHarness(t);
  const verified = await deletion.prepare(userId, 'ada', PASSWORD, CLIENT);
  // Prepared while the name was not retained, as if the user had just renamed the account.
  const prepared = {
    ...parseUsername('ada'),
    ...parseEmail('eve@example.org'),
    passwordHash: '',
  };
  const [, registering] = await Promise.all([
    transact((tx) => deletion.execute(tx, SESSION, verified, CLIENT)),
    outcomeOf(transact((tx) => accounts.register(tx, prepared, 2))),
  ]);
  assert.equal(registering, 'username_taken');
  assert.equal(await transact((tx) => accounts.findByUsername(tx, 'ada')), undefined);
});

test('another name or a wrong password deletes nothing; only the password counts as an attempt', async (t) => {
  const { remove, logIn } = await createHarness(t);
  for (let n = 0; n < 10; n += 1) assert.equal(await outcomeOf(remove('bob')), 'username_mismatch');
  assert.equal(await outcomeOf(remove('ada', 'green owl sky')), 'invalid_credentials');
  assert.equal(await outcomeOf(logIn(EMAIL, PASSWORD)), 'done');
});

test('a password changed in between deletes nothing', async (t) => {
  const { deletion, accounts, userId, transact, logIn } = await createHarness(t);
  const verified = await deletion.prepare(userId, 'ada', PASSWORD, CLIENT);
  const change = await accounts.preparePasswordChange(userId, PASSWORD, 'green owl sky', CLIENT);
  await transact((tx) => accounts.changePassword(tx, SESSION, change, CLIENT));
  assert.equal(
    await outcomeOf(transact((tx) => deletion.execute(tx, SESSION, verified, CLIENT))),
    'invalid_credentials',
  );
  assert.equal(await outcomeOf(logIn(EMAIL, 'green owl sky')), 'done');
});
