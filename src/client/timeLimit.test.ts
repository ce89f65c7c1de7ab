// The time limit and signal of a call.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { systemClock, withTimeLimit } from './timeLimit.ts';
import { createPost } from './transport.ts';

describe('signal of a call', () => {
  test('does not accumulate listeners over many attempts and pauses', async () => {
    const post = createPost('https://vws.example.org', async () => {
      throw new TypeError('fetch failed');
    });
    await withTimeLimit({}, systemClock, async (limit) => {
      const before = getEventListeners(limit.signal, 'abort').length;
      for (let attempt = 0; attempt < 30; attempt++) {
        await assert.rejects(post('/account', '{}', limit), { message: 'The server cannot be reached.' });
        await systemClock.wait(0, limit.signal);
      }
      assert.equal(getEventListeners(limit.signal, 'abort').length, before);
    });
  });

  test('aborts an attempt and its connection', async () => {
    const giveUp = new AbortController();
    let sent: AbortSignal | null | undefined;
    const post = createPost('https://vws.example.org', (_, init) => {
      sent = init?.signal;
      giveUp.abort();
      return new Promise(() => {});
    });
    const call = withTimeLimit({ signal: giveUp.signal }, systemClock, (limit) => post('/account', '{}', limit));
    await assert.rejects(call, { code: 'aborted' });
    assert.ok(sent?.aborted, 'the connection is aborted');
  });
});
