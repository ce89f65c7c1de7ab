// Addresses: as subjects of limits, as members of networks, and of the own machine.
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { addressSubject, clientAddress, createNetworkCheck, isLoopback, networkOf } from './clientAddress.ts';

test('an IPv4 address counts individually, also in IPv6 notation', () => {
  for (const form of ['192.0.2.7', '::ffff:192.0.2.7', '::FFFF:c000:207', '0:0:0:0:0:ffff:192.0.2.7']) {
    assert.equal(addressSubject(form), '192.0.2.7', form);
  }
  assert.notEqual(addressSubject('192.0.2.8'), addressSubject('192.0.2.7'));
});

test('all addresses of one IPv6 /64 count as one', () => {
  for (const form of [
    '2001:db8:1:2::1',
    '2001:0DB8:1:2:ffff:ffff:ffff:ffff',
    '2001:db8:1:2::',
    '2001:db8:1:2::a%eth0',
  ]) {
    assert.equal(addressSubject(form), '2001:db8:1:2::/64', form);
  }
  for (const neighbour of ['2001:db8:1:3::1', '2001:db8:1:1:ffff:ffff:ffff:ffff']) {
    assert.notEqual(addressSubject(neighbour), '2001:db8:1:2::/64', neighbour);
  }
});

test('an address with a zone counts without it', () => {
  assert.equal(addressSubject('fe80::1%eth0'), addressSubject('fe80::2%2'));
});

test('any text has a subject', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(typeof addressSubject(text), 'string');
    }),
    { numRuns: 300 },
  );
});

test('an IPv6 address that a NAT64 translated counts as its IPv4 address', () => {
  for (const form of ['64:ff9b::c000:207', '64:ff9b::192.0.2.7', '0064:FF9B:0:0:0:0:192.0.2.7']) {
    assert.equal(addressSubject(form), '192.0.2.7', form);
  }
  assert.notEqual(addressSubject('64:ff9b::192.0.2.8'), addressSubject('64:ff9b::192.0.2.7'));
  assert.equal(networkOf(addressSubject('64:ff9b::192.0.2.8')), '192.0.2.0/24');
  assert.equal(addressSubject('64:ff9b::1:192.0.2.7'), '64:ff9b::/64', 'outside the prefix of 96 bits');
});

describe('clientAddress', () => {
  const PROXY = '10.1.2.3';
  const isTrusted = createNetworkCheck(['10.0.0.0/8', '2001:db8:ffff::/48']);
  const behindProxy = (forwardedFor: string | undefined) => clientAddress(PROXY, forwardedFor, isTrusted);

  test('the last address that is not a trusted proxy', () => {
    assert.equal(behindProxy('203.0.113.9'), '203.0.113.9');
    assert.equal(behindProxy('192.0.2.66, 203.0.113.9'), '203.0.113.9');
    assert.equal(behindProxy('203.0.113.9 ,10.9.9.9,2001:db8:ffff::1'), '203.0.113.9');
    assert.equal(behindProxy('10.9.9.9'), '10.9.9.9', 'a proxy is a client, too');
    assert.equal(clientAddress('::ffff:10.1.2.3', '2001:db8::7', isTrusted), '2001:db8::7');
    assert.equal(clientAddress('192.0.2.1', '203.0.113.9', isTrusted), '192.0.2.1');
    assert.equal(clientAddress(PROXY, '203.0.113.9', createNetworkCheck([])), PROXY);
    assert.equal(behindProxy(undefined), PROXY);
  });

  test('ports and brackets do not make another client', () => {
    assert.equal(behindProxy('66.6.6.6:1234'), '66.6.6.6');
    assert.equal(behindProxy('[2001:db8::7]:99'), '2001:db8::7');
    assert.equal(behindProxy('[2001:db8::7]'), '2001:db8::7');
    assert.equal(behindProxy('203.0.113.9:1, [2001:db8:ffff::1]:99, 10.9.9.9:80'), '203.0.113.9');
  });

  test('text that is not an address counts as the proxy that sent it', () => {
    for (const text of [
      '',
      'unknown',
      '_hidden',
      '0x7f.1',
      '1',
      '192.0.2.7/24',
      '192.0.2.7:x',
      '[192.0.2.7',
      '2001:db8::1/64',
    ]) {
      assert.equal(behindProxy(text), PROXY, text);
      assert.equal(behindProxy(`${text}, 10.9.9.9`), '10.9.9.9', text);
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        const address = behindProxy(`192.0.2.66,${text}`);
        assert.ok(isIP(address) > 0, address);
      }),
      { numRuns: 300 },
    );
  });
});

test('two IPv6 addresses count as one exactly if their first 64 bits are equal', () => {
  const half = fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 });
  const written = (network: number[], host: number[]) =>
    [...network, ...host].map((part) => part.toString(16)).join(':');
  fc.assert(
    fc.property(half, half, half, half, (network, otherNetwork, host, otherHost) => {
      fc.pre(network.some((part) => part !== 0) && otherNetwork.some((part) => part !== 0));
      const subject = addressSubject(written(network, host));
      assert.equal(addressSubject(written(network, otherHost)), subject);
      const sameNetwork = network.join() === otherNetwork.join();
      assert.equal(addressSubject(written(otherNetwork, host)) === subject, sameNetwork);
    }),
    { numRuns: 300 },
  );
});

test('the network of an address is its /24 in IPv4 and its /64 in IPv6', () => {
  const networkOfAddress = (address: string) => networkOf(addressSubject(address));
  assert.equal(networkOfAddress('192.0.2.7'), '192.0.2.0/24');
  assert.equal(networkOfAddress('::ffff:192.0.2.255'), '192.0.2.0/24');
  assert.notEqual(networkOfAddress('192.0.3.7'), networkOfAddress('192.0.2.7'));
  assert.equal(networkOfAddress('2001:db8::1'), networkOfAddress('2001:db8::ffff:1'));
  assert.equal(networkOfAddress('unknown'), 'unknown');
});

test('a network check knows addresses and networks, also in the other notation', () => {
  const isTrusted = createNetworkCheck(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1']);
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', '2001:db8:1::1', '::1']) {
    assert.ok(isTrusted(address), address);
  }
  for (const address of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '::2', '', 'nonsense']) {
    assert.ok(!isTrusted(address), address);
  }
  assert.ok(!createNetworkCheck([])('127.0.0.1'));
});

test('isLoopback: recognizes the names and addresses of the own machine', () => {
  for (const host of [
    '127.0.0.1',
    '127.255.0.9',
    '::1',
    '::ffff:127.0.0.1',
    'localhost',
    'LOCALHOST',
    'app.localhost',
  ]) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    'example.org',
    'localhost.evil.example',
    'notlocalhost',
  ]) {
    assert.ok(!isLoopback(host), host);
  }
});
