// The change of epochs: all rows, crashes, several processes, rows in use, on both engines.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { newEpochPath, openEpochs } from '../../../test/support/epochs.ts';
import { createFakeTime } from '../../../test/support/fakeTime.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores } from '../../../test/support/storeFixtures.ts';
import { randomBytes } from '../crypto/random.ts';
import { holdEpoch } from '../store/epochs.ts';
import { findStep, insertStep } from '../store/sessionSteps.ts';
import type { Store, Transaction } from '../store/store.ts';
import { EpochRotation, nextLimit, REWRAP_BATCH } from './epochRotation.ts';

const EPOCH_MS = 60_000;

async function createHarness(t: TestContext) {
  const [store, otherStore] = await openTwoStores(t, await newStoreLocation(t));
  const time = createFakeTime();
  const path = newEpochPath(t);
  const start = (on: Store = store) => {
    const { file, keys } = openEpochs(t, path, time.clock());
    const onError = (error: unknown) => assert.fail(String(error));
    const rotation = new EpochRotation({ store: on, file, keys, epochMs: EPOCH_MS, clock: time.clock, onError });
    return { store: on, file, keys, rotation };
  };
  const [process, other] = [start(), start(otherStore)];

  const harness = {
    ...{ ...process, other, time, path, start },
    /** Inserts a step with a secret, like a request. */
    async insert(secret: Uint8Array = randomBytes(60), tx?: Transaction) {
      const stepId = randomBytes(32);
      const work = async (transaction: Transaction) => {
        await holdEpoch(transaction);
        const { bytes, epochId } = process.keys.wrap(secret);
        await insertStep(transaction, {
          ...{ step_id: stepId, session_id: stepId, parent_id: null, suite: 2, user_id: null, recovery_id: null },
          ...{ sealed_secret: bytes, epoch_id: epochId, request_hash: null, sealed_response: randomBytes(500) },
          ...{ repeatable: 0, used: 0, last_used_at: 1, started_at: 1 },
        });
      };
      await (tx ? work(tx) : store.transaction(work));
      return { stepId, secret };
    },
    /** Asserts that every secret can be read with the keys in the file. */
    async assertReadable(steps: readonly { stepId: Uint8Array; secret: Uint8Array }[]) {
      const { keys } = start();
      await store.transaction(async (tx) => {
        for (const { stepId, secret } of steps) {
          const row = (await findStep(tx, stepId)) ?? assert.fail('the step is gone');
          const opened = keys.unwrap({ bytes: row.sealed_secret, epochId: row.epoch_id });
          assert.deepEqual(Buffer.from(opened ?? []), Buffer.from(secret));
        }
      });
    },
    isInFile: (key: Uint8Array) => readFileSync(path).includes(key),
  };
  return harness;
}

describe('an epoch', () => {
  test('is not changed before its end', async (t) => {
    const { time, rotation, file } = await createHarness(t);
    const { current } = file.read();
    assert.equal(await rotation.rotate(), EPOCH_MS);
    time.advance(EPOCH_MS - 1);
    assert.equal(await rotation.rotate(), 1);
    assert.equal(file.read().current, current);
  });

  test('is changed: every row is readable under the new key, and the previous one is destroyed', async (t) => {
    const { time, rotation, file, insert, assertReadable, isInFile } = await createHarness(t);
    const steps = [];
    for (let n = 0; n < 2 * REWRAP_BATCH + 1; n++) steps.push(await insert());
    for (let epoch = 1; epoch <= 3; epoch++) {
      const key = Buffer.from(file.read().current.key);
      time.advance(EPOCH_MS);
      await rotation.rotate();
      assert.ok(!isInFile(key));
      assert.equal(file.read().previous, undefined);
      await assertReadable(steps);
      steps.push(await insert());
    }
  });

  test('wraps rows that had no outer layer', async (t) => {
    const { store, time, rotation, file, insert, assertReadable } = await createHarness(t);
    const step = await insert();
    await store.transaction(({ db }) =>
      db.updateTable('session_steps').set({ sealed_secret: step.secret, epoch_id: null }).execute(),
    );
    await assertReadable([step]);
    time.advance(EPOCH_MS);
    await rotation.rotate();
    await assertReadable([step]);
    const row = await store.transaction((tx) => findStep(tx, step.stepId));
    assert.deepEqual(Buffer.from(row?.epoch_id ?? []), Buffer.from(file.read().current.id));
  });

  test('leaves a row whose key was lost unchanged', async (t) => {
    const { store, time, rotation, insert } = await createHarness(t);
    const { stepId } = await insert();
    const lost = { sealed_secret: randomBytes(88), epoch_id: randomBytes(8) };
    await store.transaction(({ db }) => db.updateTable('session_steps').set(lost).execute());
    time.advance(EPOCH_MS);
    await rotation.rotate();
    const row = await store.transaction((tx) => findStep(tx, stepId));
    assert.deepEqual(Buffer.from(row?.sealed_secret ?? []), lost.sealed_secret);
  });

  test('that a killed process began is completed by another, after half an epoch', async (t) => {
    const { time, file, other, insert, assertReadable, isInFile } = await createHarness(t);
    const before = await insert();
    const key = Buffer.from(file.read().current.key);
    time.advance(EPOCH_MS);
    file.begin(time.clock());
    const after = await insert();
    assert.equal(await other.rotation.rotate(), EPOCH_MS / 2);
    assert.ok(isInFile(key));
    await assertReadable([before, after]);
    time.advance(EPOCH_MS / 2);
    await other.rotation.rotate();
    assert.ok(!isInFile(key));
    await assertReadable([before, after]);
  });

  test('is changed once by processes that do it at the same time, while rows are inserted', async (t) => {
    const { time, rotation, other, insert, assertReadable } = await createHarness(t);
    const steps = [];
    for (let n = 0; n < 150; n++) steps.push(await insert());
    for (let epoch = 1; epoch <= 4; epoch++) {
      time.advance(EPOCH_MS);
      const inserted = Array.from({ length: 20 }, () => insert());
      await Promise.all([rotation.rotate(), other.rotation.rotate()].map((done) => done.catch(ignoreLockTimeout)));
      steps.push(...(await Promise.all(inserted)));
      time.advance(EPOCH_MS / 2);
      await rotation.rotate();
      assert.equal(other.file.read().previous, undefined);
      await assertReadable(steps);
    }
  });

  test('waits for a transaction that read the previous key', async (t) => {
    const { store, time, rotation, file, insert, assertReadable, isInFile } = await createHarness(t);
    const key = Buffer.from(file.read().current.key);
    time.advance(EPOCH_MS);
    const gate = Promise.withResolvers<void>();
    const inserted = Promise.withResolvers<void>();
    const late = store.transaction(async (tx) => {
      const step = await insert(undefined, tx);
      inserted.resolve();
      await gate.promise;
      return step;
    });
    await inserted.promise;
    const change = rotation.rotate();
    if (store.engine === 'postgres') {
      await assert.rejects(change, { code: '55P03' });
      assert.ok(isInFile(key));
    }
    gate.resolve();
    const step = await late;
    await (store.engine === 'postgres' ? rotation.rotate() : change);
    assert.ok(!isInFile(key));
    await assertReadable([step]);
  });

  test('keeps the previous key while a row is locked by a request', async (t) => {
    const { store, other, time, rotation, insert, assertReadable, isInFile, file } = await createHarness(t);
    if (store.engine === 'sqlite') return;
    const step = await insert();
    const key = Buffer.from(file.read().current.key);
    time.advance(EPOCH_MS);
    file.begin(time.clock());
    time.advance(EPOCH_MS / 2);
    const gate = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const request = other.store.transaction(async ({ db }) => {
      await db.selectFrom('session_steps').selectAll().forUpdate().execute();
      locked.resolve();
      await gate.promise;
    });
    await locked.promise;
    const change = rotation.rotate();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(isInFile(key));
    gate.resolve();
    await Promise.all([request, change]);
    assert.ok(!isInFile(key));
    await assertReadable([step]);
  });
});

function ignoreLockTimeout(error: { code?: unknown }): void {
  if (error.code !== '55P03') throw error;
}

test('a batch that took long makes the next ones smaller, so that no request waits long for the store', () => {
  assert.equal(nextLimit(REWRAP_BATCH, 100), REWRAP_BATCH / 10);
  assert.equal(nextLimit(1, 1_000), 1, 'never stops');
  let limit = 5;
  for (let batch = 0; batch < 20; batch += 1) limit = nextLimit(limit, limit / 10);
  assert.equal(limit, REWRAP_BATCH, 'grows again');
});
