// Which connections can carry forged requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForgeable } from './suite1Transport.ts';

const LOOPBACK = ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'];
const ELSEWHERE = ['10.0.0.1', '203.0.113.9', '::ffff:10.0.0.1', '2001:db8::1', '', undefined];

const arrived = (
  protocol: 'http' | 'https',
  remoteAddress: string | undefined,
  headers: Record<string, string> = {},
) => ({
  protocol,
  headers,
  socket: { remoteAddress },
});

test('plain HTTP is safe on this machine only', () => {
  for (const address of LOOPBACK) assert.equal(isForgeable(arrived('http', address)), false, address);
  for (const address of ELSEWHERE) {
    assert.equal(isForgeable(arrived('http', address)), true, `${address}`);
    const headers = { 'x-forwarded-proto': 'https' };
    assert.equal(isForgeable(arrived('http', address, headers)), true, `${address}, not a trusted proxy`);
  }
});

test('a proxy on this machine is safe only if every protocol that it reports is HTTPS', () => {
  const client = { 'x-forwarded-for': '203.0.113.9' };
  const safe: Record<string, string>[] = [
    { 'x-forwarded-proto': 'https' },
    { ...client, 'x-forwarded-proto': 'https' },
    { ...client, 'x-forwarded-proto': 'HTTPS' },
    { ...client, 'x-forwarded-proto': 'https, https' },
    { ...client, 'x-forwarded-proto': 'https', via: '1.1 proxy', forwarded: 'for=203.0.113.9' },
    { forwarded: 'for=203.0.113.9;proto=https' },
    { forwarded: 'for="[2001:db8::1]";Proto="https", for=10.0.0.1;proto=https' },
  ];
  const unsafe: Record<string, string>[] = [
    client,
    { 'x-forwarded-host': 'vws.example' },
    { 'x-real-ip': '203.0.113.9' },
    { via: '1.1 proxy' },
    { forwarded: 'for=203.0.113.9' },
    { forwarded: 'for=203.0.113.9;proto=http' },
    { forwarded: 'proto=https, proto=http' },
    { 'x-forwarded-proto': 'https', forwarded: 'proto=http' },
    ...['http', 'http,http', 'https, http', 'http, https', '', 'https,', 'https;', 'wss'].map((protocols) => ({
      ...client,
      'x-forwarded-proto': protocols,
    })),
  ];
  for (const address of LOOPBACK) {
    for (const headers of safe) assert.equal(isForgeable(arrived('http', address, headers)), false, show(headers));
    for (const headers of unsafe) assert.equal(isForgeable(arrived('http', address, headers)), true, show(headers));
  }
});

test('a trusted proxy elsewhere is safe only if every protocol that it reports is HTTPS', () => {
  const isSafe = (headers: Record<string, string>) => !isForgeable(arrived('https', '10.1.2.3', headers));
  assert.ok(isSafe({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }));
  assert.ok(!isSafe({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http, https' }));
});

test('HTTPS is safe', () => {
  assert.equal(isForgeable(arrived('https', '203.0.113.9')), false);
});

const show = (headers: Record<string, string>): string => JSON.stringify(headers);
