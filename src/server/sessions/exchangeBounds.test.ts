import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createExchangeWorld,
  createGate,
  type ExchangeWorld,
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
import { MAX_STORED_ANSWER, MAX_UNUSED_ANSWERS } from './steps.ts';

const lost = { code: 'session_not_found' };

describe('answers that nobody uses', () => {
  /** Makes requests with one step, a millisecond apart. */
  async function ask(world: ExchangeWorld, keys: Keys, count: number, endpoint: Endpoint = effect): Promise<Sent[]> {
    const requests = Array.from({ length: count }, () => world.ask(keys, endpoint));
    for (const request of requests) {
      await world.send(request);
      world.time.advance(1);
    }
    return requests;
  }

  test('are 32 at most: the next request is refused, nothing is executed, and no answer is lost', async (t) => {
    const world = await createExchangeWorld(t, await newStoreLocation(t));
    const keys = await handshake(world.exchange);
    const requests = await ask(world, keys, MAX_UNUSED_ANSWERS);
    const tooMany = world.ask(keys);
    await assert.rejects(world.send(tooMany), { code: 'unanswered_requests' });
    await assert.rejects(world.call(keys, read), { code: 'unanswered_requests' });
    assert.equal(await world.effects(), MAX_UNUSED_ANSWERS);
    const answers = [];
    for (const request of requests) answers.push(await world.send(request));
    assert.equal(await world.effects(), MAX_UNUSED_ANSWERS);
    // Using one of them makes room.
    const last = answers.at(-1);
    assert.ok(last);
    await ask(world, keysOf(last), MAX_UNUSED_ANSWERS);
    await assert.rejects(world.send(tooMany), lost);
  });

  test('to requests that can be made again are given up, the oldest first', async (t) => {
    const world = await createExchangeWorld(t, await newStoreLocation(t));
    const keys = await handshake(world.exchange);
    const [oldest, second] = (await ask(world, keys, MAX_UNUSED_ANSWERS, read)) as [Sent, Sent];
    const [given, kept] = [await world.send(oldest), await world.send(second)];
    await world.call(keys, read);
    assert.equal(await world.rows(), MAX_UNUSED_ANSWERS + 1);
    assert.equal((await world.send(second)).text, kept.text);
    await assert.rejects(world.call(keysOf(given)), lost);
    // Made again, it gets another answer, at the cost of the next one.
    assert.notEqual((await world.send(oldest)).text, given.text);
    await assert.rejects(world.call(keysOf(kept)), lost);
  });

  test('to requests that cannot be made again are kept as long as others can be given up', async (t) => {
    const world = await createExchangeWorld(t, await newStoreLocation(t));
    const keys = await handshake(world.exchange);
    const effects = await ask(world, keys, MAX_UNUSED_ANSWERS - 2);
    await ask(world, keys, 2, read);
    await ask(world, keys, 1);
    await ask(world, keys, 1, read);
    await ask(world, keys, 1);
    const executed = MAX_UNUSED_ANSWERS + 3;
    assert.equal(await world.effects(), executed);
    await assert.rejects(world.call(keys), { code: 'unanswered_requests' });
    await assert.rejects(world.call(keys, read), { code: 'unanswered_requests' });
    for (const request of effects) await world.send(request);
    assert.equal(await world.effects(), executed);
  });

  test('keep a session at 33 rows, whatever its client does', async (t) => {
    const world = await createExchangeWorld(t, await newStoreLocation(t));
    const STEPS = 1_000;
    let steps = 0;
    let known: { readonly sent: Sent; readonly next: Keys }[] = [];
    let keys = await handshake(world.exchange);
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
          await world.send(chosen.sent);
        } else if (what === 'use an answer' && chosen && answer % 16 === 0) {
          const sent = world.ask(chosen.next, endpoint);
          const next = keysOf(await world.send(sent));
          keys = chosen.next;
          known = [{ sent, next }];
        } else {
          const sent = world.ask(keys, endpoint);
          known.push({ sent, next: keysOf(await world.send(sent)) });
        }
      } catch (error) {
        const { code } = error as { code?: string };
        assert.ok(code === 'unanswered_requests' || code === 'session_not_found', `${error}`);
      }
      const rows = await world.rows();
      assert.ok(rows >= 1 && rows <= MAX_UNUSED_ANSWERS + 1, `${rows} rows after ${steps} steps`);
    }
    assert.equal(steps, STEPS);
  });
});

describe('long answers', () => {
  /** The text whose answer has just so many bytes, or up to 21 fewer: sealed texts grow by blocks. */
  async function textOfLength(world: ExchangeWorld, bytes: number): Promise<string> {
    const empty = (await world.call(await handshake(world.exchange), read, '')).text.length;
    // The empty text is one block, 24 characters of base64, already.
    return 'x'.repeat(Math.floor(((bytes - empty + 24) / 4) * 3) - 16);
  }

  test('of requests that can be made again are made anew, and every one of them can be used', async (t) => {
    const world = await createExchangeWorld(t, await newStoreLocation(t));
    const text = await textOfLength(world, MAX_STORED_ANSWER + 100);
    for (const used of [0, 1]) {
      const keys = await handshake(world.exchange);
      const request = world.ask(keys, read, text);
      const before = await world.effects();
      const answers = [await world.send(request), await world.send(request)] as const;
      assert.equal(await world.effects(), before + 2);
      assert.notEqual(answers[0].text, answers[1].text);
      assert.deepEqual([answers[0].message, answers[1].message], [text, text]);
      assert.equal((await world.call(keysOf(answers[used] ?? answers[0]))).status, 200);
    }
  });

  test('are stored up to the bound', async (t) => {
    const world = await createExchangeWorld(t, await newStoreLocation(t));
    const request = world.ask(await handshake(world.exchange), read, await textOfLength(world, MAX_STORED_ANSWER));
    const answer = await world.send(request);
    assert.ok(answer.text.length <= MAX_STORED_ANSWER && answer.text.length > MAX_STORED_ANSWER - 24);
    assert.equal((await world.send(request)).text, answer.text);
  });

  test('of requests that cannot be made again are stored, however long', async (t) => {
    const world = await createExchangeWorld(t, await newStoreLocation(t));
    const request = world.ask(await handshake(world.exchange), effect, 'x'.repeat(10 * MAX_STORED_ANSWER));
    const answer = await world.send(request);
    assert.equal((await world.send(request)).text, answer.text);
    assert.equal(await world.effects(), 1);
  });

  test('that are not stored count as unused answers and are given up first', async (t) => {
    const world = await createExchangeWorld(t, await newStoreLocation(t));
    const keys = await handshake(world.exchange);
    const request = world.ask(keys, read, 'x'.repeat(MAX_STORED_ANSWER));
    for (let time = 1; time <= MAX_UNUSED_ANSWERS + 5; time++) await world.send(request);
    assert.equal(await world.rows(), MAX_UNUSED_ANSWERS + 1);
  });
});

test('handshakes that wait for the database are bounded; one more is asked to come back, and later ones are served', async (t) => {
  const { exchange, rows } = await createExchangeWorld(t, await newStoreLocation(t));
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
