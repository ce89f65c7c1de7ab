// Mail addresses: plain ones, and the sender in the settings.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPlainAddress, parseSender } from './address.ts';

test('a sender without a name gets the one in the settings', () => {
  const senderName = 'VWS';
  const address = 'vws@example.org';
  assert.deepEqual(parseSender({ sender: address, senderName }), { name: 'VWS', address });
  assert.deepEqual(parseSender({ sender: `<${address}>`, senderName }), { name: 'VWS', address });
  assert.deepEqual(parseSender({ sender: `Support <${address}>`, senderName }), { name: 'Support', address });
  assert.deepEqual(parseSender({ sender: `"Support, Ltd." <${address}>`, senderName }), {
    name: 'Support, Ltd.',
    address,
  });
});

test('a sender that is not exactly one address is rejected', () => {
  for (const sender of [
    '',
    'nobody',
    'Name',
    '<>',
    'a@example.org, b@example.org',
    'group: a@example.org, b@example.org;',
    'a@b@example.org',
    'vws@example.org\r\nBcc: eve@example.org',
  ]) {
    assert.throws(() => parseSender({ sender, senderName: 'VWS' }), /one address/, sender);
  }
  assert.throws(() => parseSender({ sender: 'vws@example.org', senderName: 'V\nWS' }), /one line/);
});

test('isPlainAddress accepts plain addresses of any script and nothing else', () => {
  for (const address of ['a@localhost', "o'hara+vws@example.org", 'зоя@пример.рф', 'a.b_c-d@sub.example.org']) {
    assert.ok(isPlainAddress(address), address);
  }
  for (const address of [
    '',
    '@',
    'a@',
    '@b',
    'a b@c',
    'a@b c',
    'a@b,c@d',
    'a@b;c',
    '<a@b>',
    'a@b\n',
    'a\u0000@b',
    '"a"@b',
  ]) {
    assert.ok(!isPlainAddress(address), address);
  }
});
