// The fields of errors that are safe to log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorFields } from './log.ts';

const textOf = (error: unknown) => JSON.stringify(errorFields(error));

test('errorFields: a plain error keeps its message, code, frames and cause', () => {
  const cause = Object.assign(new Error('the disk is full'), { errcode: 13, errstr: 'database or disk is full' });
  const fields = errorFields(Object.assign(new Error('writing failed', { cause }), { code: 'ERR_SQLITE_ERROR' }));
  const { frames, ...rest } = fields as { frames: string[]; cause: Record<string, unknown> };
  assert.match(frames[0] ?? '', /^at .*log\.test\.ts:\d+/);
  const { frames: _, ...restOfCause } = rest.cause;
  assert.deepEqual(
    { ...rest, cause: restOfCause },
    {
      type: 'Error',
      message: 'writing failed',
      code: 'ERR_SQLITE_ERROR',
      cause: { type: 'Error', message: 'the disk is full', errcode: 13, errstr: 'database or disk is full' },
    },
  );
});

test("errorFields: drops the messages of the engine's errors, which quote values", () => {
  const secret = 'hunter2';
  const failures = [
    () => JSON.parse(`{"password": ${secret}}`),
    () => JSON.parse(`\n    at ${secret}`),
    () => (secret as unknown as { missing: { deeper: string } }).missing.deeper,
    () => new URL(secret),
    () => ({ toString: 1 })[secret as 'toString'].toFixed(),
  ];
  for (const fail of failures) {
    assert.throws(fail, (error) => {
      assert.ok(!textOf(error).includes(secret), textOf(error));
      assert.ok(!textOf(new Error('outside', { cause: error })).includes(secret));
      return true;
    });
  }
});

test('errorFields: drops a message that looks like stack frames', () => {
  const lines = fc.array(fc.constantFrom('    at secret', 'secret', '\tat secret (file:1:1)', ''), { maxLength: 5 });
  fc.assert(
    fc.property(lines, fc.constantFrom(TypeError, SyntaxError, RangeError), (parts, Kind) => {
      const error = new Kind(parts.join('\n'));
      const { type, frames } = errorFields(error) as { type: string; frames: string[] };
      assert.equal(type, Kind.name);
      assert.ok(frames.length > 0);
      assert.ok(!textOf(error).includes('secret'));
    }),
    { numRuns: 200 },
  );
});

test('errorFields: only the type of a thrown value that is not an error', () => {
  for (const [thrown, type] of [
    ['secret', 'string'],
    [undefined, 'undefined'],
    [{ secret: true }, 'object'],
  ] as const) {
    assert.deepEqual(errorFields(thrown), { type });
  }
});
