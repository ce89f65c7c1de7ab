import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { systemClock, withBudget } from './budget.ts';
import { createPost } from './transport.ts';

describe('the signal of a call', () => {
  test('has no more listeners after many attempts and pauses than before', async () => {
    const post = createPost('https://vws.example.org', async () => {
      throw new TypeError('fetch failed');
    });
    await withBudget({}, systemClock, async (budget) => {
      const before = getEventListeners(budget.signal, 'abort').length;
      for (let attempt = 0; attempt < 30; attempt++) {
        await assert.rejects(post('/account', '{}', budget), { message: 'The server cannot be reached.' });
        await systemClock.wait(0, budget.signal);
      }
      assert.equal(getEventListeners(budget.signal, 'abort').length, before);
    });
  });

  test('stops an attempt', async () => {
    const giveUp = new AbortController();
    let sent: AbortSignal | null | undefined;
    const post = createPost('https://vws.example.org', (_, init) => {
      sent = init?.signal;
      giveUp.abort();
      return new Promise(() => {});
    });
    const call = withBudget({ signal: giveUp.signal }, systemClock, (budget) => post('/account', '{}', budget));
    await assert.rejects(call, { code: 'aborted' });
    assert.ok(sent?.aborted, 'the connection is given up, too');
  });
});
