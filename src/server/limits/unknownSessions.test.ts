// The limit on requests with unknown session keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnknownSessions } from './unknownSessions.ts';

test('UnknownSessions: limits each address for the rest of a minute', () => {
  let now = 5_000;
  const unknown = new UnknownSessions(2, () => now);
  for (let count = 0; count < 2; count += 1) {
    assert.ok(!unknown.isExhausted('a'));
    assert.equal(unknown.count('a').code, 'session_not_found');
  }
  assert.ok(unknown.isExhausted('a'));
  const { code, retryAfterSeconds } = unknown.count('a');
  assert.deepEqual([code, retryAfterSeconds], ['too_many_requests', 60]);
  assert.ok(!unknown.isExhausted('b'));
  now += 59_001;
  assert.equal(unknown.count('a').retryAfterSeconds, 1);
  now += 999;
  assert.ok(!unknown.isExhausted('a'));
  assert.equal(unknown.count('a').code, 'session_not_found');
  assert.ok(!unknown.isExhausted('a'));
});
