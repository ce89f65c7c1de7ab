// Errors and problems thrown by handlers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  createExchangeHarness,
  handshake,
  keysOf,
  type TestHandler,
  takeEffect,
} from '../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { Problem } from '../../protocol/problems.ts';

describe('handler with an unexpected error', () => {
  const broken: TestHandler = {
    execute: async (request, tx) => {
      await takeEffect(request, tx);
      throw new Error('a bug');
    },
  };

  test('has no effect, the session is unchanged, and a retry is executed', async (t) => {
    const { exchange, ask, send, effects, rows } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const [first, second] = [ask(keys), ask(keys)];
    await assert.rejects(send(first, broken), /a bug/);
    assert.equal(await effects(), 0);
    assert.equal(await rows(), 1);
    const answer = await send(second);
    await assert.rejects(send(first, broken), /a bug/);
    assert.equal((await send(first)).status, 200);
    await send(ask(keysOf(answer)));
    assert.equal(await effects(), 3);
  });

  test('does not count as the use of a step', async (t) => {
    const { exchange, ask, send, call } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const [one, other] = [await call(keys), await call(keys)];
    await assert.rejects(send(ask(keysOf(one)), broken), /a bug/);
    await call(keysOf(other));
  });

  for (const part of ['prepare', 'execute'] as const) {
    test(`in ${part}: the request lock is released`, async (t) => {
      const { exchange, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
      const request = ask(await handshake(exchange));
      const fail = async () => {
        throw new Error('a bug');
      };
      const failing = { prepare: async () => {}, execute: takeEffect, [part]: fail };
      await assert.rejects(send(request, failing), /a bug/);
      await assert.rejects(send(request, failing), /a bug/);
      assert.equal((await send(request, { prepare: async () => {}, execute: takeEffect })).status, 200);
      assert.equal(await effects(), 1);
    });
  }
});

describe('problem from a handler', () => {
  test('that is a response: earlier writes stay, and the session continues unchanged', async (t) => {
    const { exchange, ask, send, call, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const answer = await send(ask(await handshake(exchange)), {
      execute: async (request, tx) => {
        await takeEffect(request, tx);
        throw new Problem('invalid_code');
      },
    });
    assert.deepEqual([answer.status, answer.error], [201, 'Invalid code']);
    assert.equal(await effects(), 1);
    assert.equal((await call(keysOf(answer))).status, 200);
  });

  test('from prepare: becomes the response, and execute is not called', async (t) => {
    const { exchange, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const refuse = async () => {
      throw new Problem('account_locked');
    };
    const request = ask(await handshake(exchange));
    const answer = await send(request, { prepare: refuse, execute: takeEffect });
    assert.deepEqual([answer.status, answer.error], [202, 'Account block. Change the password!']);
    assert.equal((await send(request, { prepare: refuse, execute: takeEffect })).text, answer.text);
    assert.equal(await effects(), 0);
  });

  for (const part of ['checkRateLimit', 'prepare', 'execute'] as const) {
    test(`that is not a response, from ${part}: changes nothing, and a retry is executed`, async (t) => {
      const { exchange, ask, send, effects, rows } = await createExchangeHarness(t, await newStoreLocation(t));
      const request = ask(await handshake(exchange));
      const refuse = async () => {
        throw new Problem('overloaded', { retryAfterSeconds: 1 });
      };
      const refusing = { prepare: async () => {}, execute: takeEffect, [part]: refuse };
      await assert.rejects(send(request, refusing), { code: 'overloaded' });
      assert.equal(await rows(), 1);
      assert.equal((await send(request, { prepare: async () => {}, execute: takeEffect })).status, 200);
      assert.equal(await effects(), 1);
    });
  }

  test('database unavailable: reported, and a retry is executed once it is back', async (t) => {
    const { exchange, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const request = ask(await handshake(exchange));
    const away: TestHandler = {
      execute: async (opened, tx) => {
        await takeEffect(opened, tx);
        throw new Problem('store_unavailable', { retryAfterSeconds: 1 });
      },
    };
    await assert.rejects(send(request, away), { code: 'store_unavailable', retryAfterSeconds: 1 });
    assert.equal((await send(request)).status, 200);
    assert.equal(await effects(), 1);
  });
});
