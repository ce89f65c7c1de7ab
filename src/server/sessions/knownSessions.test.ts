// Looking up the session of a request before its body is complete.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createExchangeHarness, handshake, keysOf } from '../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../test/support/store.ts';

test('knowsSession: a session key is known until another step replaces it', async (t) => {
  const { exchange, call } = await createExchangeHarness(t, await newStoreLocation(t));
  const first = await handshake(exchange);
  assert.ok(await exchange.knowsSession(first.sessionKey));
  const second = keysOf(await call(first));
  assert.ok(await exchange.knowsSession(first.sessionKey), 'a retry can still use it');
  assert.ok(await exchange.knowsSession(second.sessionKey));
  await call(second);
  assert.ok(!(await exchange.knowsSession(first.sessionKey)));
});

test('knowsSession: any other text is unknown', async (t) => {
  const { exchange } = await createExchangeHarness(t, await newStoreLocation(t));
  const { sessionKey } = await handshake(exchange);
  for (const text of ['', 'x', '\0', `${sessionKey} `, 'x'.repeat(1024)]) {
    assert.ok(!(await exchange.knowsSession(text)), text);
  }
  await assert.rejects(exchange.knowsSession('2.AAAA'), { code: 'suite1_refused' }, 'the exchange has suite 1 only');
});
