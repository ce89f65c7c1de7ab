// Reading tables in batches.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import { insertRows, type Row, readBatches } from './rows.ts';
import { type Table, tables } from './tables.ts';

const MEBIBYTE = 1024 * 1024;

function tableOf(name: string): Table {
  return tables.find((table) => table.name === name) ?? assert.fail(name);
}

/** Writes rows into a new database and reads them back. */
async function batchesOf(t: TestContext, name: string, rows: readonly Row[]): Promise<(readonly Row[])[]> {
  const store = await openTestStore(t);
  return store.transaction(async (tx) => {
    for (const row of rows) await insertRows(tx, tableOf(name), [row]);
    const batches: (readonly Row[])[] = [];
    for await (const batch of readBatches(tx, tableOf(name))) batches.push(batch);
    return batches;
  });
}

const hex = (value: unknown) => Buffer.from(value as Uint8Array).toString('hex');

test('an empty table: no batches', async (t) => {
  assert.deepEqual(await batchesOf(t, 'users', []), []);
});

test('batches have at most 100 rows, ordered by primary key', async (t) => {
  const rows = Array.from({ length: 250 }, (_, failures) => {
    return { account_key: randomBytes(32), failures, last_attempt_at: Date.now(), locked_until: null };
  });
  const batches = await batchesOf(t, 'login_attempts', rows);
  assert.deepEqual(
    batches.map((batch) => batch.length),
    [100, 100, 50],
  );
  assert.deepEqual(
    batches.flat().map((row) => hex(row.account_key)),
    rows.map((row) => hex(row.account_key)).sort(),
  );
  assert.ok(batches.flat().every((row) => rows[Number(row.failures)]?.account_key.equals(row.account_key as Buffer)));
});

test('batches of long rows are limited by size; a row above the limit is a separate batch', async (t) => {
  const rows = [3, 3, 9, 1, 1, 7, 0.5].map((length, index) => ({
    mail_id: Buffer.from([index]),
    sealed_mail: Buffer.alloc(length * MEBIBYTE, index),
    ...{ created_at: 0, expires_at: 0, attempts: 0, next_attempt_at: 0, lease_token: null },
  }));
  const batches = await batchesOf(t, 'outbox', rows);
  assert.deepEqual(
    batches.map((batch) => batch.map((row) => (row.sealed_mail as Uint8Array).length / MEBIBYTE)),
    [[3, 3], [9], [1, 1], [7, 0.5]],
  );
});

test('a primary key with two columns: rows are ordered by both', async (t) => {
  const rows = Array.from({ length: 150 }, (_, index) => ({
    step_id: Buffer.from([index % 3]),
    request_hash: Buffer.from([index]),
    lock_token: Buffer.from([7]),
    lease_until: index,
    attempts: 0,
  }));
  const batches = await batchesOf(t, 'request_locks', rows);
  assert.deepEqual(
    batches.flat().map((row) => hex(row.step_id) + hex(row.request_hash)),
    rows.map((row) => hex(row.step_id) + hex(row.request_hash)).sort(),
  );
});

test('texts are ordered by their bytes, independent of the locale of the database', async (t) => {
  const ids = ['b', 'A', 'ä', 'a', 'Z', '_', '\u{1f600}', '\uffee'];
  const rows = ids.map((id) => ({ master_key_id: id, created_at: 0 }));
  const batches = await batchesOf(t, 'master_keys', rows);
  assert.deepEqual(
    batches.flat().map((row) => row.master_key_id),
    ['A', 'Z', '_', 'a', 'b', 'ä', '\uffee', '\u{1f600}'],
  );
});
