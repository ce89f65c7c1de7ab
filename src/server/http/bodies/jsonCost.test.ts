// The bound on the cost of JSON.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasFewValues } from './jsonCost.ts';

const isCheap = (text: string) => hasFewValues(Buffer.from(text));

test('hasFewValues: accepts the bodies of requests, with unknown fields', () => {
  for (const text of [
    '{}',
    '{"session_key": "k", "more": [1, {"is": "ignored"}]}',
    `{"a": "${'['.repeat(100_000)}"}`,
    `{"a": "${'\\"[,{'.repeat(100_000)}"}`,
    `{"a": "\\\\", "b": "${'\\\\'.repeat(100_000)}"}`,
    `{"a": ${'9'.repeat(100_000)}}`,
  ]) {
    assert.ok(isCheap(text), text.slice(0, 40));
  }
});

test('hasFewValues: rejects deep and numerous values', () => {
  for (const text of [
    '['.repeat(3_000_000),
    '{"a":'.repeat(1_000),
    `{"a": [${'[],'.repeat(2_000)}[]]}`,
    `{${Array.from({ length: 2_000 }, (_, index) => `"${index}":1`).join()}}`,
    `{"a": "\\\\", "b": ${'['.repeat(100)}`,
    `{"a": "\\"", "b": ${'['.repeat(100)}`,
    `{"a": "", "b": ${'['.repeat(100)}`,
  ]) {
    assert.ok(!isCheap(text), text.slice(0, 40));
  }
});

test('hasFewValues: counts the values of any JSON, whatever its strings contain', () => {
  const countValues = (value: unknown): number =>
    typeof value === 'object' && value !== null
      ? Object.values(value).reduce((sum: number, one) => sum + countValues(one), 1)
      : 1;
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ',', 'ü') })),
      fc.nat(1_500),
      (texts, count) => {
        const value = { texts, numbers: new Array(count).fill(0) };
        const isBelow = countValues(value) < 1024;
        if (Math.abs(countValues(value) - 1024) > 10) assert.equal(isCheap(JSON.stringify(value)), isBelow);
      },
    ),
  );
});
