// The memory budget of request bodies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyBudget, type BodyShare } from './bodyBudget.ts';

const MAX = 8_000;
const share = (address: string, isVerified = false): BodyShare => ({ address, isVerified, bytes: 0 });

test('BodyBudget: one address gets an eighth, all unknown sessions a half, known sessions the rest', () => {
  const budget = new BodyBudget(MAX, 100);
  const strangers = ['a', 'b', 'c', 'd', 'e'].map((address) => share(address));
  assert.deepEqual(
    strangers.map((stranger) => budget.reserve(stranger, 1_000)),
    [true, true, true, true, false],
  );
  assert.ok(!budget.reserve(share('a'), 1));
  const known = share('a', true);
  assert.ok(budget.reserve(known, 4_000));
  assert.ok(!budget.reserve(known, 1));
  budget.release(known);
  assert.equal(budget.used, 4_000);
});

test('BodyBudget: a verified share no longer counts for its address', () => {
  const budget = new BodyBudget(MAX, 100);
  const one = share('a');
  assert.ok(budget.reserve(one, 1_000));
  assert.ok(!budget.reserve(one, 1));
  budget.verify(one);
  assert.ok(budget.reserve(one, 1_000));
  assert.ok(budget.reserve(share('a'), 1_000));
  assert.equal(budget.used, 3_000);
});

test('BodyBudget: the longest body always fits', () => {
  const budget = new BodyBudget(1, 1_000_000);
  assert.ok(budget.reserve(share('a'), 2_000_000));
  assert.ok(!budget.reserve(share('a'), 1));
  assert.ok(budget.reserve(share('b', true), 2_000_000));
});

test('BodyBudget: nothing is left after all shares were released', () => {
  const action = fc.record({
    index: fc.nat(5),
    kind: fc.constantFrom('reserve', 'verify', 'release'),
    bytes: fc.nat(900),
  });
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const budget = new BodyBudget(MAX, 100);
      const shares = ['a', 'a', 'b', 'c', 'd', 'e'].map((address) => share(address));
      for (const { index, kind, bytes } of actions) {
        const one = shares[index] ?? assert.fail();
        if (kind === 'reserve') budget.reserve(one, bytes);
        else if (kind === 'verify') budget.verify(one);
        else budget.release(one);
        assert.equal(
          budget.used,
          shares.reduce((sum, { bytes }) => sum + bytes, 0),
        );
        assert.ok(budget.used <= MAX);
      }
      for (const one of shares) budget.release(one);
      assert.equal(budget.used, 0);
      const strangers = ['a', 'b', 'c', 'd'].map((address) => share(address));
      for (const stranger of strangers)
        assert.ok(budget.reserve(stranger, 1_000), 'no address is charged for released bytes');
    }),
  );
});
