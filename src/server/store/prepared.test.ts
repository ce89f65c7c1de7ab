// Prepared queries.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import { prepared } from './prepared.ts';
import type { Row } from './schema.ts';

type Counter = Row<'rate_counters'>;

const key = (byte: number) => new Uint8Array(32).fill(byte);

function queries() {
  let builds = 0;
  const insert = prepared<Counter, unknown>(['counter_key', 'window_started_at', 'count'], ({ db }, counter) => {
    builds += 1;
    return db.insertInto('rate_counters').values(counter);
  });
  const find = prepared(['counter_key'], ({ db }, { counter_key }: Pick<Counter, 'counter_key'>) =>
    db.selectFrom('rate_counters').select(['count', 'window_started_at']).where('counter_key', '=', counter_key),
  );
  const add = prepared(['count', 'counter_key'], ({ db }, { count, counter_key }: Omit<Counter, 'window_started_at'>) =>
    db
      .updateTable('rate_counters')
      .set((eb) => ({ count: eb('count', '+', count), window_started_at: 7 }))
      .where('counter_key', '=', counter_key),
  );
  return { insert, find, add, builds: () => builds };
}

describe('a prepared query', () => {
  test('is built once and runs with the values of each call', async (t) => {
    const store = await openTestStore(t);
    const { insert, find, builds } = queries();
    for (const count of [1, 2, 3]) {
      await store.transaction((tx) => insert(tx, { counter_key: key(count), window_started_at: 0, count }));
    }
    const { rows } = await store.transaction((tx) => find(tx, { counter_key: key(2) }));
    assert.deepEqual(
      rows.map(({ count }) => count),
      [2],
    );
    assert.equal(builds(), 1);
  });

  test('accepts placeholders in any order, and keeps constants', async (t) => {
    const store = await openTestStore(t);
    const { insert, find, add } = queries();
    await store.transaction((tx) => insert(tx, { count: 1, counter_key: key(1), window_started_at: 0 }));
    const { numAffectedRows } = await store.transaction((tx) => add(tx, { counter_key: key(1), count: 4 }));
    assert.equal(numAffectedRows, 1n);
    const { rows } = await store.transaction((tx) => find(tx, { counter_key: key(1) }));
    assert.deepEqual({ ...rows[0] }, { count: 5, window_started_at: 7 });
  });

  test('runs in the given transaction', async (t) => {
    const store = await openTestStore(t);
    const { insert, find } = queries();
    const failure = new Error('rolled back');
    const work = store.transaction(async (tx) => {
      await insert(tx, { counter_key: key(1), window_started_at: 0, count: 1 });
      throw failure;
    });
    await assert.rejects(work, failure);
    assert.deepEqual((await store.transaction((tx) => find(tx, { counter_key: key(1) }))).rows, []);
  });
});
