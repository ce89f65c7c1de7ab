// Suite 2 client and server stay synchronized while the network loses, repeats, reorders and forges requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Problem } from '../src/protocol/problems.ts';
import { MAX_STORED_RESPONSE_LENGTH } from '../src/server/sessions/ratchet.ts';
import { asHandler, effect, read, type TestHandler, takeEffect } from './support/exchangeFixtures.ts';
import { newStoreLocation } from './support/store.ts';
import { b64, openResponse2, type Step, type Suite2Response, unb64 } from './support/suite2Client.ts';
import { createSuite2Harness, type Sent2, type Suite2Harness, sealedRequest2 } from './support/suite2Fixtures.ts';

const RUNS = 30;
const MAX_EVENTS = 60;
/** All pauses of a run together are shorter than the idle timeout. */
const PAUSE_MS = 1_000;

const event = fc.oneof(
  // The client makes a request, unless it is waiting for a response.
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), kem: fc.boolean(), isLong: fc.boolean() }) },
  // Copies of its request arrive at once, and a response returns or is lost.
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      copies: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
      prepares: fc.boolean(),
      isResponseLost: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('late request' as const), back: fc.oneof(fc.nat(2), fc.nat(20)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('late answer' as const), back: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forgery' as const), position: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failure' as const), isProblem: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const) }) },
);

type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** A sequence with every kind of repetition, which is part of each run. */
const everyRepetition: Event[] = (() => {
  const ask: Event = { kind: 'ask', kem: false, isLong: false };
  const deliver = (isResponseLost: boolean): Event => ({
    kind: 'deliver',
    copies: [false],
    prepares: false,
    isResponseLost,
  });
  const repeat = (back: number): Event => ({ kind: 'late request', back });
  return [
    ask,
    deliver(true),
    repeat(0),
    deliver(false),
    ask,
    repeat(1),
    deliver(false),
    ask,
    deliver(false),
    repeat(2),
  ];
})();

/** A request as its client stores it. */
interface Request {
  readonly sent: Sent2;
  readonly text: string;
  readonly isLong: boolean;
  answer?: Suite2Response;
}

async function createClient(harness: Suite2Harness, count: (what: string) => void) {
  let step: Step = await harness.handshake();
  let pending: Request | undefined;
  const requests: Request[] = [];
  const executed = new Map<string, number>();
  /** Requests that reached the server in any way. */
  const arrived = new Set<string>();

  const execute: TestHandler['execute'] = async (request, tx) => {
    const { text } = request.fields;
    tx.afterCommit(() => executed.set(text, (executed.get(text) ?? 0) + 1));
    return takeEffect(request, tx);
  };
  const handler: TestHandler = { execute };
  const preparing: TestHandler = { prepare: async () => {}, execute };

  /** Opens a response, which is the same each time, or at least leads to the same step. */
  function note(request: Request, answer: Suite2Response): void {
    assert.deepEqual([answer.status, answer.json], [200, { message: request.text }]);
    if (!request.isLong) assert.equal(answer.text, request.answer?.text ?? answer.text, 'another answer');
    const next = request.answer?.next ?? answer.next;
    assert.deepEqual(answer.next, next, 'another next step');
    request.answer = answer;
  }

  return {
    ask(kem: boolean, isLong: boolean): void {
      if (pending) return;
      const text = `${requests.length} ${isLong ? 'x'.repeat(MAX_STORED_RESPONSE_LENGTH) : ''}`;
      const sent = harness.ask(step, isLong ? read : effect, { text, kem });
      pending = { sent, text, isLong };
      requests.push(pending);
    },
    async deliver(copies: readonly boolean[], prepares: boolean, isResponseLost: boolean): Promise<void> {
      const request = pending;
      if (!request) return;
      arrived.add(request.text);
      const by = copies.map((isOther) => (isOther ? harness.other.exchange : harness.exchange));
      const answers = await Promise.all(
        by.map((exchange) => harness.send(request.sent, prepares ? preparing : handler, exchange)),
      );
      for (const answer of answers) note(request, answer);
      count(isResponseLost ? 'an answer is lost' : 'an answer arrives');
      if (isResponseLost) return;
      step = answers[0]?.next ?? assert.fail();
      pending = undefined;
    },
    async lateRequest(back: number): Promise<void> {
      const request = requests.at(-1 - (back % Math.max(1, requests.length)));
      if (!request) return;
      const current = request === pending || (!pending && request === requests.at(-1));
      if (current) {
        arrived.add(request.text);
        note(request, await harness.send(request.sent, handler));
        count('the last request is repeated');
        return;
      }
      // The previous response is still stored until the next request is executed.
      const isKept = pending !== undefined && request === requests.at(-2) && !arrived.has(pending.text);
      if (isKept) note(request, await harness.send(request.sent, handler));
      else await assert.rejects(harness.send(request.sent, handler), { code: 'out_of_sync' });
      count(isKept ? 'the request before is repeated' : 'an old request is repeated');
    },
    lateResponse(back: number): void {
      const old = requests.filter((request) => request !== pending && request.answer);
      const { answer } = old.at(-1 - (back % Math.max(1, old.length))) ?? {};
      const waiting = pending;
      if (!answer || !waiting) return;
      assert.throws(() => openResponse2(waiting.sent.request, answer), /unable to authenticate|Unsupported state/);
      count('an old answer is repeated');
    },
    async forgery(position: number): Promise<void> {
      const request = pending;
      if (!request) return;
      const body = JSON.parse(request.sent.request.body) as { session_key: string; payload: string };
      const payload = unb64(body.payload);
      const at = position % payload.length;
      payload.writeUInt8(payload.readUInt8(at) ^ 1, at);
      const forged = sealedRequest2(request.sent, JSON.stringify({ ...body, payload: b64(payload) }));
      const code = arrived.has(request.text) ? 'out_of_sync' : 'malformed_request';
      await assert.rejects(harness.exchange.run(asHandler(handler), forged), { code });
      count(`a forgery: ${code}`);
    },
    async failure(isProblem: boolean): Promise<void> {
      const request = pending;
      if (!request || arrived.has(request.text)) return;
      const error = isProblem ? new Problem('overloaded') : new Error('a bug');
      const failing: TestHandler = {
        execute: async (opened, tx) => {
          await execute(opened, tx, undefined);
          throw error;
        },
      };
      await assert.rejects(harness.send(request.sent, failing), error);
      count('the server fails');
    },
    check(): void {
      for (const { text, isLong } of requests) {
        const times = executed.get(text) ?? 0;
        if (!arrived.has(text)) assert.equal(times, 0, 'executed without having been sent');
        else if (isLong) assert.ok(times >= 1);
        else assert.equal(times, 1, `${text}: executed ${times} times`);
      }
    },
  };
}

test('suite 2: client and server stay synchronized, each request is executed once', async (t) => {
  const harness = await createSuite2Harness(t, await newStoreLocation(t));
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 10, maxLength: MAX_EVENTS, size: 'max' }), async (events) => {
      const client = await createClient(harness, count);
      for (const next of events) {
        if (next.kind === 'ask') client.ask(next.kem, next.isLong);
        if (next.kind === 'deliver') await client.deliver(next.copies, next.prepares, next.isResponseLost);
        if (next.kind === 'late request') await client.lateRequest(next.back);
        if (next.kind === 'late answer') client.lateResponse(next.back);
        if (next.kind === 'forgery') await client.forgery(next.position);
        if (next.kind === 'failure') await client.failure(next.isProblem);
        if (next.kind === 'pause') harness.time.advance(PAUSE_MS);
        client.check();
      }
      for (const kem of [true, false]) {
        await client.deliver([false], false, false);
        client.ask(kem, false);
      }
      await client.deliver([true], false, false);
      client.check();
    }),
    { numRuns: RUNS, endOnFailure: true, examples: [[everyRepetition]] },
  );
  for (const [what, times] of [...counts].sort()) t.diagnostic(`${times} × ${what}`);
  // A run without these events would show nothing.
  for (const what of [
    'an answer is lost',
    'an answer arrives',
    'the last request is repeated',
    'the request before is repeated',
    'an old request is repeated',
  ]) {
    assert.ok((counts.get(what) ?? 0) > 0, what);
  }
});
