// Suite 1 over plain HTTP from another machine: a step that changed something soon accepts no other request.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asHandler,
  asHttp,
  createExchangeHarness,
  effect,
  handshake,
  read,
  type Sent,
  sealedRequest,
  takeEffect,
} from '../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openResponse } from '../../../test/support/suite1Client.ts';
import { ANOTHER_REQUEST_WINDOW_MS } from './ratchet.ts';

test('after a change, other bytes are refused, the same bytes get the same response', async (t) => {
  const { exchange, time, ask, effects, send } = await createExchangeHarness(t, await newStoreLocation(t));
  const handler = asHandler({ execute: takeEffect });
  const sendFar = async (sent: Sent) =>
    openResponse(sent.request, asHttp(await exchange.run(handler, { ...sealedRequest(sent), isForgeable: true })));

  const keys = await handshake(exchange);
  const first = ask(keys, effect);
  const answer = await sendFar(first);
  time.advance(ANOTHER_REQUEST_WINDOW_MS - 1);
  await sendFar(ask(keys, effect));
  time.advance(2);
  for (const endpoint of [effect, read]) {
    await assert.rejects(sendFar(ask(keys, endpoint)), { code: 'session_not_found' });
  }
  assert.equal((await sendFar(first)).text, answer.text);
  assert.equal(await effects(), 2);
  // Over HTTPS the step stays valid, and the refused requests have not ended the session.
  await send(ask(keys, effect));
  assert.ok(answer.keys);
  await sendFar(ask(answer.keys, effect));
  assert.equal(await effects(), 4);
});

test('a step that changed nothing stays valid', async (t) => {
  const { exchange, time, ask } = await createExchangeHarness(t, await newStoreLocation(t));
  const handler = asHandler({ execute: async ({ fields }) => ({ response: { message: fields.text } }) });
  const sendFar = (sent: Sent) => exchange.run(handler, { ...sealedRequest(sent), isForgeable: true });
  const keys = await handshake(exchange);
  await sendFar(ask(keys, read));
  time.advance(2 * ANOTHER_REQUEST_WINDOW_MS);
  assert.equal((await sendFar(ask(keys, effect))).status, 200);
});
