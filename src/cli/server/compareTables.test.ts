// Comparison of tables, across engines.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import { newDatabasePath } from '../../../test/support/storeFixtures.ts';
import { openStore } from '../../server/store/open.ts';
import { compareTables, DifferenceError } from './compareTables.ts';
import { insertRows, type Row, type Value } from './rows.ts';
import { tables } from './tables.ts';

const recoveries = tables.find(({ name }) => name === 'recoveries') ?? assert.fail();

function recovery(id: number, rest: Record<string, Value> = {}): Row {
  return {
    ...{ recovery_id: Buffer.from([id]), user_id: null, code_hash: Buffer.from([1, 2]), tries: 0 },
    ...{ expires_at: 1_700_000_000_000, confirmed_at: null, used_at: null, ...rest },
  };
}

/** Compares two databases, the second one on the engine under test. */
async function compare(t: TestContext, expected: readonly Row[], found: readonly Row[]): Promise<number> {
  const source = await openStore({ engine: 'sqlite', path: await newDatabasePath(t) }, 0);
  t.after(() => source.close());
  const target = await openTestStore(t);
  return source.transaction(async (from) => {
    for (const row of expected) await insertRows(from, recoveries, [row]);
    return target.transaction(async (to) => {
      for (const row of found) await insertRows(to, recoveries, [row]);
      return compareTables(from, to, recoveries);
    });
  });
}

const many = Array.from({ length: 205 }, (_, id) => recovery(id));

test('equal tables: returns the number of rows', async (t) => {
  assert.equal(await compare(t, many, many.toReversed()), 205);
  assert.equal(await compare(t, [], []), 0);
});

test('different tables: reports the first difference with the key of its row', async (t) => {
  const changed = (rest: Record<string, Value>) => many.map((row, id) => (id === 204 ? { ...row, ...rest } : row));
  const cases: [readonly Row[], readonly Row[], string][] = [
    [many, changed({ tries: 1 }), 'the row recovery_id=cc differs in tries'],
    [many, changed({ code_hash: Buffer.from([1, 3]) }), 'the row recovery_id=cc differs in code_hash'],
    [many, changed({ code_hash: Buffer.from([1, 2, 0]) }), 'the row recovery_id=cc differs in code_hash'],
    [many, changed({ used_at: 0 }), 'the row recovery_id=cc differs in used_at'],
    [changed({ used_at: 0 }), many, 'the row recovery_id=cc differs in used_at'],
    [many, changed({ expires_at: 1_700_000_000_001 }), 'the row recovery_id=cc differs in expires_at'],
    [many, many.slice(0, 204), 'the target lacks the row recovery_id=cc'],
    [many.slice(0, 204), many, 'the target has an additional row, recovery_id=cc'],
    [many, [], 'the target lacks the row recovery_id=00'],
    [
      [recovery(1), recovery(2)],
      [recovery(1), recovery(3)],
      'the source has the row recovery_id=02 where the target has recovery_id=03',
    ],
  ];
  for (const [expected, found, difference] of cases) {
    await assert.rejects(compare(t, expected, found), new DifferenceError(`recoveries: ${difference}`));
  }
});
