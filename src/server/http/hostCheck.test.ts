// Host headers that a server on the loopback interface accepts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHostCheck } from './hostCheck.ts';

test('host check: accepts loopback names, the configured ones and requests without a Host header', () => {
  const isAllowed = createHostCheck(['vws.example.org']);
  for (const header of [
    undefined,
    'localhost',
    'localhost:5000',
    'LocalHost:',
    '127.0.0.1:5000',
    '127.9.9.9',
    '[::1]:5000',
    '[::1]',
    'vws.example.org',
    'VWS.example.org:443',
  ]) {
    assert.ok(isAllowed(header), `${header}`);
    assert.ok(isAllowed(header), `${header} again`);
  }
  for (const header of [
    '',
    'evil.example',
    'evil.example:5000',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.vws.example.org',
    'localhost:5000@evil.example',
    'evil.example#localhost',
    '[2001:db8::1]:5000',
    '8.8.8.8',
    'localhost:5000:5000',
  ]) {
    assert.ok(!isAllowed(header), header);
  }
});
