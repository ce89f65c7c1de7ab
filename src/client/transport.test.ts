// Responses: their length is limited, whatever the server or an attacker sends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, withTimeLimit } from './timeLimit.ts';
import { createPost } from './transport.ts';

const MIB = 1024 * 1024;

/** A body that never ends by itself. */
function endlessBody() {
  const sent = { bytes: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent.bytes += 64 * 1024;
      controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
    },
    cancel() {
      sent.isCancelled = true;
    },
  });
  return { body, sent };
}

async function post(response: Response, request = '{}', path = '/path') {
  const send = createPost('http://server', async () => response);
  return withTimeLimit({ signal: undefined, deadline: 10_000 }, systemClock, (limit) => send(path, request, limit));
}

test('an endless response is cut off, and counts as none', async () => {
  const { body, sent } = endlessBody();
  const reply = await post(new Response(body));
  assert.equal(reply.json, undefined);
  assert.ok(sent.isCancelled);
  assert.ok(sent.bytes < 2 * MIB, `${sent.bytes} bytes`);
});

test('a response may be several times as long as a long request', async () => {
  const json = JSON.stringify({ message: 'ä'.repeat(2 * MIB) });
  assert.deepEqual((await post(new Response(json), 'x'.repeat(MIB))).json, JSON.parse(json));
  assert.equal((await post(new Response(json))).json, undefined);
});

test('a stored message may be long whatever the length of the request', async () => {
  const json = JSON.stringify({ payload: 'A'.repeat(3 * MIB) });
  assert.deepEqual((await post(new Response(json), '{}', '/open_message')).json, JSON.parse(json));
  const { body, sent } = endlessBody();
  assert.equal((await post(new Response(body), '{}', '/open_message')).json, undefined);
  assert.ok(sent.isCancelled && sent.bytes < 129 * MIB, `${sent.bytes} bytes`);
});

test('a response without a body, and one split inside a character', async () => {
  assert.deepEqual((await post(new Response(null, { status: 503 }))).status, 503);
  const bytes = new TextEncoder().encode('{"text":"ä€🎬"}');
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  assert.deepEqual((await post(new Response(body))).json, { text: 'ä€🎬' });
});
