// Errors in transactions: faults of this program are not reported as an unavailable database.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestStore, postgresUrl } from '../../../test/support/store.ts';

test('an error of Node.js in a transaction is thrown unchanged', async (t) => {
  const store = await openTestStore(t);
  for (const fail of [
    () => Buffer.from(undefined as unknown as string),
    () => Buffer.alloc(8).readUInt32BE(8),
    () => new URL('no URL'),
    () => structuredClone(() => {}),
  ]) {
    await assert.rejects(
      store.transaction(async () => fail()),
      ({ name, code }: Error & { code: unknown }) => name !== 'Problem' && code !== 'store_unavailable',
      String(fail),
    );
  }
});

test('a lost connection is reported as an unavailable database', { skip: !postgresUrl }, async (t) => {
  const store = await openTestStore(t);
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_TLS_CERT_ALTNAME_INVALID', '57P01']) {
    await assert.rejects(
      store.transaction(() => Promise.reject(Object.assign(new Error('lost'), { code }))),
      { code: 'store_unavailable' },
      code,
    );
  }
});
