import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reliability } from './soft.ts';

test('reliability grows with coherence and is limited', () => {
  assert.ok(Math.abs(reliability(0.25) - 0.5167) < 0.0001);
  assert.ok(Math.abs(reliability(0.5) - 1.1667) < 0.0001);
  assert.equal(reliability(0.02), 0.04);
  assert.equal(reliability(-1), 0.04);
  assert.equal(reliability(1), reliability(0.97));
});
