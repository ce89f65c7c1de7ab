// Limits of the exchange: unused responses, long responses, pending handshakes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createExchangeHarness,
  createGate,
  type ExchangeHarness,
  effect,
  handshake,
  keysOf,
  read,
  type Sent,
} from '../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { type Keys, publicKeyPem } from '../../../test/support/suite1Client.ts';
import type { Endpoint } from '../../protocol/endpoints.ts';
import { MAX_PENDING_HANDSHAKES } from './exchange.ts';
import { MAX_STORED_BYTES_PER_SESSION, MAX_STORED_RESPONSE_LENGTH, MAX_UNUSED_RESPONSES } from './ratchet.ts';

const lost = { code: 'session_not_found' };

describe('unused responses', () => {
  /** Sends requests with one step, a millisecond apart. */
  async function ask(
    harness: ExchangeHarness,
    keys: Keys,
    count: number,
    endpoint: Endpoint = effect,
  ): Promise<Sent[]> {
    const requests = Array.from({ length: count }, () => harness.ask(keys, endpoint));
    for (const request of requests) {
      await harness.send(request);
      harness.time.advance(1);
    }
    return requests;
  }

  test('are limited to 32: the next request is rejected, not executed, and no response is lost', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(harness.exchange);
    const requests = await ask(harness, keys, MAX_UNUSED_RESPONSES);
    const tooMany = harness.ask(keys);
    await assert.rejects(harness.send(tooMany), { code: 'unanswered_requests' });
    await assert.rejects(harness.call(keys, read), { code: 'unanswered_requests' });
    assert.equal(await harness.effects(), MAX_UNUSED_RESPONSES);
    const answers = [];
    for (const request of requests) answers.push(await harness.send(request));
    assert.equal(await harness.effects(), MAX_UNUSED_RESPONSES);
    // Using one of them makes room.
    const last = answers.at(-1);
    assert.ok(last);
    await ask(harness, keysOf(last), MAX_UNUSED_RESPONSES);
    await assert.rejects(harness.send(tooMany), lost);
  });

  test('to repeatable requests are dropped, the oldest first', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(harness.exchange);
    const [oldest, second] = (await ask(harness, keys, MAX_UNUSED_RESPONSES, read)) as [Sent, Sent];
    const [given, kept] = [await harness.send(oldest), await harness.send(second)];
    await harness.call(keys, read);
    assert.equal(await harness.rows(), MAX_UNUSED_RESPONSES + 1);
    assert.equal((await harness.send(second)).text, kept.text);
    await assert.rejects(harness.call(keysOf(given)), lost);
    // Repeated, it gets a new response, which replaces the next one.
    assert.notEqual((await harness.send(oldest)).text, given.text);
    await assert.rejects(harness.call(keysOf(kept)), lost);
  });

  test('to non-repeatable requests are kept while others can be dropped', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(harness.exchange);
    const effects = await ask(harness, keys, MAX_UNUSED_RESPONSES - 2);
    await ask(harness, keys, 2, read);
    await ask(harness, keys, 1);
    await ask(harness, keys, 1, read);
    await ask(harness, keys, 1);
    const executed = MAX_UNUSED_RESPONSES + 3;
    assert.equal(await harness.effects(), executed);
    await assert.rejects(harness.call(keys), { code: 'unanswered_requests' });
    await assert.rejects(harness.call(keys, read), { code: 'unanswered_requests' });
    for (const request of effects) await harness.send(request);
    assert.equal(await harness.effects(), executed);
  });

  test('never exceed 33 rows in a session, for any sequence of requests', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const STEPS = 1_000;
    let steps = 0;
    let known: { readonly sent: Sent; readonly next: Keys }[] = [];
    let keys = await handshake(harness.exchange);
    const choice = fc.record({
      what: fc.constantFrom('ask', 'ask', 'ask', 'repeat', 'use an answer'),
      endpoint: fc.constantFrom<Endpoint>(effect, read),
      answer: fc.nat(),
    });
    for (const { what, endpoint, answer } of fc.sample(choice, STEPS)) {
      steps += 1;
      const chosen = known[answer % Math.max(1, known.length)];
      try {
        if (what === 'repeat' && chosen) {
          await harness.send(chosen.sent);
        } else if (what === 'use an answer' && chosen && answer % 16 === 0) {
          const sent = harness.ask(chosen.next, endpoint);
          const next = keysOf(await harness.send(sent));
          keys = chosen.next;
          known = [{ sent, next }];
        } else {
          const sent = harness.ask(keys, endpoint);
          known.push({ sent, next: keysOf(await harness.send(sent)) });
        }
      } catch (error) {
        const { code } = error as { code?: string };
        assert.ok(code === 'unanswered_requests' || code === 'session_not_found', `${error}`);
      }
      const rows = await harness.rows();
      assert.ok(rows >= 1 && rows <= MAX_UNUSED_RESPONSES + 1, `${rows} rows after ${steps} steps`);
    }
    assert.equal(steps, STEPS);
  });
});

describe('long responses', () => {
  /** Returns a text whose response has this many bytes, or up to 21 fewer: sealed texts grow by blocks. */
  async function textOfLength(harness: ExchangeHarness, bytes: number): Promise<string> {
    const empty = (await harness.call(await handshake(harness.exchange), read, '')).text.length;
    // The empty text is one block: 24 characters of base64.
    return 'x'.repeat(Math.floor(((bytes - empty + 24) / 4) * 3) - 16);
  }

  test('to repeatable requests are regenerated, and each of them can be used', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const text = await textOfLength(harness, MAX_STORED_RESPONSE_LENGTH + 100);
    for (const used of [0, 1]) {
      const keys = await handshake(harness.exchange);
      const request = harness.ask(keys, read, text);
      const before = await harness.effects();
      const answers = [await harness.send(request), await harness.send(request)] as const;
      assert.equal(await harness.effects(), before + 2);
      assert.notEqual(answers[0].text, answers[1].text);
      assert.deepEqual([answers[0].message, answers[1].message], [text, text]);
      assert.equal((await harness.call(keysOf(answers[used] ?? answers[0]))).status, 200);
    }
  });

  test('are stored up to the limit', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const request = harness.ask(
      await handshake(harness.exchange),
      read,
      await textOfLength(harness, MAX_STORED_RESPONSE_LENGTH),
    );
    const answer = await harness.send(request);
    assert.ok(answer.text.length <= MAX_STORED_RESPONSE_LENGTH && answer.text.length > MAX_STORED_RESPONSE_LENGTH - 24);
    assert.equal((await harness.send(request)).text, answer.text);
  });

  test('to non-repeatable requests are always stored', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const request = harness.ask(await handshake(harness.exchange), effect, 'x'.repeat(10 * MAX_STORED_RESPONSE_LENGTH));
    const answer = await harness.send(request);
    assert.equal((await harness.send(request)).text, answer.text);
    assert.equal(await harness.effects(), 1);
  });

  test('are stored up to 64 KiB in a session; beyond, each is regenerated and can be used', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const text = await textOfLength(harness, MAX_STORED_RESPONSE_LENGTH);
    const keys = await handshake(harness.exchange);
    for (let sent = 1; sent <= MAX_UNUSED_RESPONSES - 1; sent++) await harness.call(keys, read, `${sent}${text}`);
    const stored = await harness.store.transaction(({ db }) =>
      db.selectFrom('session_steps').select('sealed_response').execute(),
    );
    const bytes = stored.reduce((sum, row) => sum + (row.sealed_response?.length ?? 0), 0);
    assert.ok(bytes > MAX_STORED_BYTES_PER_SESSION / 2 && bytes <= MAX_STORED_BYTES_PER_SESSION, `${bytes} bytes`);
    const last = harness.ask(keys, read, text);
    const answers = [await harness.send(last), await harness.send(last)] as const;
    assert.notEqual(answers[0].text, answers[1].text);
    assert.equal((await harness.call(keysOf(answers[1]))).status, 200);
  });

  test('that are not stored count as unused and are dropped first', async (t) => {
    const harness = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(harness.exchange);
    const request = harness.ask(keys, read, 'x'.repeat(MAX_STORED_RESPONSE_LENGTH));
    for (let time = 1; time <= MAX_UNUSED_RESPONSES + 5; time++) await harness.send(request);
    assert.equal(await harness.rows(), MAX_UNUSED_RESPONSES + 1);
  });
});

test('pending handshakes are limited: one more is overloaded, later ones are served', async (t) => {
  const { exchange, rows } = await createExchangeHarness(t, await newStoreLocation(t));
  const body = { public_key: Buffer.from(publicKeyPem).toString('hex') };
  const gate = createGate();
  const waiting = Array.from({ length: MAX_PENDING_HANDSHAKES }, () => exchange.openSession(body, gate.pass));
  await gate.reached;
  await assert.rejects(exchange.openSession(body, gate.pass), { code: 'overloaded', retryAfterSeconds: 1 });
  gate.open();
  await Promise.all(waiting);
  await handshake(exchange);
  assert.equal(await rows(), MAX_PENDING_HANDSHAKES + 1);
});
