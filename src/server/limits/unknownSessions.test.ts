// The limit on requests with unknown session keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnknownSessions } from './unknownSessions.ts';

test('UnknownSessions: limits each address for the rest of a minute', () => {
  let now = 5_000;
  const unknown = new UnknownSessions(2, () => now);
  for (let count = 0; count < 2; count += 1) {
    unknown.check('a');
    unknown.count('a');
  }
  assert.throws(() => unknown.check('a'), { code: 'too_many_requests', retryAfterSeconds: 60 });
  unknown.check('b');
  now += 59_001;
  assert.throws(() => unknown.check('a'), { retryAfterSeconds: 1 });
  now += 999;
  unknown.check('a');
  unknown.count('a');
  unknown.check('a');
});
