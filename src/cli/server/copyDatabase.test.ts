// Isolation: what other processes see during a copy.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { newDatabasePath } from '../../../test/support/storeFixtures.ts';
import { openStore, type StoreLocation } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { copyDatabase } from './copyDatabase.ts';
import { openSource, openTarget } from './databases.ts';

async function openEnds(t: TestContext): Promise<{ source: Store; target: Store; to: StoreLocation }> {
  const from = { engine: 'sqlite', path: await newDatabasePath(t) } as const;
  const made = await openStore(from, 0);
  await made.transaction(({ db }) =>
    db.insertInto('master_keys').values({ master_key_id: 'first', created_at: 1 }).execute(),
  );
  await made.close();
  const to = await newStoreLocation(t);
  const [source, target] = [await openSource(from), await openTarget(to)];
  t.after(() => Promise.all([source.close(), target.close()]));
  return { source, target, to };
}

/** A store that waits for `beforeCommit` at the end of each transaction. */
function holding(store: Store, beforeCommit: () => Promise<void>): Store {
  return {
    engine: store.engine,
    location: store.location,
    truncateLog: () => store.truncateLog(),
    close: () => store.close(),
    transaction: (work) =>
      store.transaction(async (tx) => {
        const value = await work(tx);
        await beforeCommit();
        return value;
      }),
  };
}

/** Tries the first action of a starting server, with a short timeout. */
async function startServerOn(to: StoreLocation): Promise<void> {
  if (to.engine === 'postgres') {
    await (await openStore({ ...to, statementTimeout: 200 }, 0)).close();
    return;
  }
  const database = new DatabaseSync(to.path, { timeout: 0 });
  try {
    database.exec('BEGIN IMMEDIATE');
  } finally {
    database.close();
  }
}

test('no server can start on the target before the copy is complete', async (t) => {
  const { source, target, to } = await openEnds(t);
  let attempts = 0;
  const held = holding(target, async () => {
    attempts += 1;
    await assert.rejects(startServerOn(to));
  });
  const { outcome, rows, masterKeyIds } = await copyDatabase(source, held, 0, () => {});
  assert.equal(attempts, 1);
  assert.deepEqual([outcome, rows.get('master_keys'), masterKeyIds], ['copied', 1, ['first']]);
  await startServerOn(to);
});

test('an error at the end of the copy leaves the target unchanged', async (t) => {
  const { source, target, to } = await openEnds(t);
  const failing = holding(target, () => Promise.reject(new Error('the machine is on fire')));
  await assert.rejects(
    copyDatabase(source, failing, 0, () => {}),
    /on fire/,
  );
  const { outcome } = await copyDatabase(source, target, 0, () => {});
  assert.equal(outcome, 'copied');
  await startServerOn(to);
});

test('a concurrent copy into the same target is refused', async (t) => {
  const [one, other] = [await openEnds(t), await openEnds(t)];
  const second = await openTarget(one.to);
  t.after(() => second.close());
  const held = holding(one.target, () =>
    assert.rejects(
      copyDatabase(other.source, second, 0, () => {}),
      /is in use by another program|Database unavailable/,
    ),
  );
  const { outcome } = await copyDatabase(one.source, held, 0, () => {});
  assert.equal(outcome, 'copied');
});
