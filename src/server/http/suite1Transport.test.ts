// Which connections can carry forged requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForgeable } from './suite1Transport.ts';

const arrived = (protocol: 'http' | 'https', remoteAddress: string | undefined, forwarded?: string) => ({
  protocol,
  headers: forwarded === undefined ? {} : { 'x-forwarded-proto': forwarded },
  socket: { remoteAddress },
});

test('plain HTTP is safe on this machine only', () => {
  for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
    assert.equal(isForgeable(arrived('http', address)), false, address);
    assert.equal(isForgeable(arrived('http', address, 'http')), true, `${address} for another machine`);
    // Sent by a proxy that is not in TRUSTED_PROXIES.
    assert.equal(isForgeable(arrived('http', address, 'https')), false, address);
  }
  for (const address of ['10.0.0.1', '203.0.113.9', '::ffff:10.0.0.1', '2001:db8::1', '', undefined]) {
    assert.equal(isForgeable(arrived('http', address)), true, `${address}`);
    assert.equal(isForgeable(arrived('http', address, 'https')), true, `${address}, not a trusted proxy`);
  }
});

test('HTTPS is safe', () => {
  assert.equal(isForgeable(arrived('https', '203.0.113.9', 'https')), false);
});
