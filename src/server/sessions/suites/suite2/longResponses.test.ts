// Responses of suite 2 that are too long to store: regenerated, they lead to the same next step.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { effect, read, type TestHandler } from '../../../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../../../test/support/store.ts';
import type { Suite2Response } from '../../../../../test/support/suite2Client.ts';
import { createSuite2Harness, IDLE_TIME } from '../../../../../test/support/suite2Fixtures.ts';
import { Problem } from '../../../../protocol/problems.ts';
import { MAX_STORED_RESPONSE_LENGTH } from '../../ratchet.ts';

const long = 'x'.repeat(MAX_STORED_RESPONSE_LENGTH);
const hex = ({ next }: Suite2Response) => next.root.toString('hex');

for (const kem of [false, true]) {
  describe(`long response to a request ${kem ? 'with' : 'without'} a rekey`, () => {
    test('is regenerated for each retry, with the same next step', async (t) => {
      const { exchange, other, handshake, ask, send, call, steps, effects } = await createSuite2Harness(
        t,
        await newStoreLocation(t),
      );
      for (const used of [0, 1, 2]) {
        const before = await effects();
        const sent = ask(await handshake(), read, { text: long, kem });
        const answers = [
          await send(sent),
          await send(sent, undefined, other.exchange),
          await send(sent, undefined, exchange),
        ];
        assert.equal(await effects(), before + 3);
        assert.equal(new Set(answers.map(({ text }) => text)).size, 3);
        assert.equal(new Set(answers.map(hex)).size, 1);
        for (const { json } of answers) assert.equal(json.message, long);
        const answer = answers[used];
        assert.ok(answer);
        const { next } = await call(answer.next);
        assert.equal((await call(next, effect, { kem: true })).status, 200);
        await assert.rejects(send(sent), { code: 'out_of_sync' });
      }
      const kept = (await steps()).map(({ sealed_response }) => sealed_response?.length ?? 0);
      assert.ok(Math.max(...kept) < 4_000, `${kept}`);
    });

    test('concurrent retries in two processes lead to one next step', async (t) => {
      const { exchange, other, handshake, ask, send, call } = await createSuite2Harness(t, await newStoreLocation(t));
      const sent = ask(await handshake(), read, { text: long, kem });
      const copies = Array.from({ length: 6 }, (_, n) => send(sent, undefined, n % 2 ? exchange : other.exchange));
      const answers = await Promise.all(copies);
      assert.equal(new Set(answers.map(hex)).size, 1);
      assert.equal((await call(answers[3]?.next ?? assert.fail())).status, 200);
    });

    test('may differ when regenerated, with the same next step', async (t) => {
      const { handshake, ask, send, call } = await createSuite2Harness(t, await newStoreLocation(t));
      const sent = ask(await handshake(), read, { text: long, kem });
      const first = await send(sent);
      const refuse: TestHandler = {
        execute: async () => {
          throw new Problem('user_not_found');
        },
      };
      const second = await send(sent, refuse);
      assert.deepEqual([second.status, second.json.code], [404, 'user_not_found']);
      const third = await send(sent, { execute: async () => ({ response: { message: 'short' } }) });
      assert.deepEqual(third.json, { message: 'short' });
      assert.equal(new Set([first, second, third].map(hex)).size, 1);
      assert.equal((await call(second.next)).status, 200);
    });

    test('regenerating it does not change the session', async (t) => {
      const { handshake, ask, send, steps } = await createSuite2Harness(t, await newStoreLocation(t));
      const sent = ask(await handshake(), read, { text: long, kem });
      await send(sent);
      const withoutTimes = async () => (await steps()).map(({ last_used_at, ...step }) => step);
      const before = await withoutTimes();
      await send(sent);
      assert.deepEqual(await withoutTimes(), before);
    });

    test('regenerating it does not keep the session alive', async (t) => {
      const { time, handshake, ask, send, call } = await createSuite2Harness(t, await newStoreLocation(t));
      const sent = ask(await handshake(), read, { text: long, kem });
      const { next } = await send(sent);
      time.advance(IDLE_TIME - 1);
      await send(sent);
      time.advance(1);
      await assert.rejects(call(next), { code: 'session_expired' });
    });

    test('a different request at its step is out_of_sync', async (t) => {
      const { handshake, ask, send, call } = await createSuite2Harness(t, await newStoreLocation(t));
      const step = await handshake();
      const sent = ask(step, read, { text: long, kem });
      await send(sent);
      await assert.rejects(call(step, read, { text: long, kem }), { code: 'out_of_sync' });
      assert.equal((await call((await send(sent)).next)).status, 200);
    });
  });
}

test('a response is stored up to the limit, and beyond it if the request is not repeatable', async (t) => {
  const { handshake, ask, send, effects } = await createSuite2Harness(t, await newStoreLocation(t));
  const step = await handshake();
  const { text } = await send(ask(step, read, { text: '' }));
  // The body of a response grows by 256 characters of base64 for three blocks of 64.
  const blocks = Math.floor(((MAX_STORED_RESPONSE_LENGTH - text.length) / 256) * 3);
  const largest = 'x'.repeat(blocks * 64 + 64 - '{"message":""}'.length);
  for (const [endpoint, content, isStored] of [
    [read, largest, true],
    [read, `${largest}${'x'.repeat(64)}`, false],
    [effect, long.repeat(10), true],
  ] as const) {
    const before = await effects();
    const sent = ask(await handshake(), endpoint, { text: content });
    const answer = await send(sent);
    if (endpoint === read) assert.equal(answer.text.length <= MAX_STORED_RESPONSE_LENGTH, isStored);
    assert.equal((await send(sent)).text === answer.text, isStored, `${content.length}`);
    assert.equal(await effects(), before + (isStored ? 1 : 2));
  }
});
