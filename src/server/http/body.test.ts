// Parsing of request bodies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBody, textField } from './body.ts';

const parse = (text: string) => parseBody(Buffer.from(text));
const refused = { code: 'malformed_request' };

test('parseBody: reads any JSON object in UTF-8, with or without a byte order mark', () => {
  assert.deepEqual(parse('{"session_key": "k", "more": [1, {"is": "ignored"}]}'), {
    session_key: 'k',
    more: [1, { is: 'ignored' }],
  });
  assert.deepEqual(parse('\ufeff{"a": "ü"}'), { a: 'ü' });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (body) => {
      assert.deepEqual(parse(JSON.stringify(body)), JSON.parse(JSON.stringify(body)));
    }),
    { numRuns: 200 },
  );
});

test('parseBody: rejects everything else', () => {
  for (const text of [
    '',
    ' ',
    '[]',
    '[{}]',
    '"text"',
    '1',
    'null',
    'true',
    '{',
    '{}}',
    "{'a': 1}",
    '{"a": NaN}',
    'a=b',
  ]) {
    assert.throws(() => parse(text), refused, text);
  }
  for (const bytes of [
    Buffer.from('{"a": "\xff"}', 'latin1'),
    Buffer.from('7b2261223a22eda080227d', 'hex'),
    Buffer.from('{"a": "text"}', 'utf16le'),
  ]) {
    assert.throws(() => parseBody(bytes), refused, bytes.toString('hex'));
  }
  for (const nothing of [undefined, null, '{}', {}]) assert.throws(() => parseBody(nothing), refused);
});

test('parseBody: the problem does not quote the body', () => {
  for (const text of ['{"password": "secret" "secret"}', 'secret', '{"secret']) {
    assert.throws(
      () => parse(text),
      ({ message, detail, cause }: Error & { detail: string }) => !`${message}${detail}${cause}`.includes('secret'),
    );
  }
});

test('textField: returns own string fields, never inherited ones', () => {
  assert.equal(textField(parse('{"a": ""}'), 'a'), '');
  assert.equal(textField(parse('{"a": "first", "a": "last"}'), 'a'), 'last');
  for (const value of ['1', '1e999', 'true', 'null', '["text"]', '{"toString": "text"}']) {
    assert.throws(() => textField(parse(`{"a": ${value}}`), 'a'), refused, value);
  }
  for (const name of ['a', 'constructor', 'toString', '__proto__']) {
    assert.throws(() => textField(parse('{}'), name), refused, name);
  }
  const disguised = parse('{"__proto__": {"session_key": "from the prototype"}}');
  assert.throws(() => textField(disguised, 'session_key'), refused);
  assert.equal(({} as Record<string, unknown>).session_key, undefined);
});

test('parseBody: survives huge numbers, and rejects deep nesting and many values before parsing them', (t) => {
  const levels = 100_000;
  assert.throws(() => parse('{"a":'.repeat(levels)), refused);
  assert.equal(textField(parse(`{"a": "text", "b": ${'9'.repeat(levels)}}`), 'a'), 'text');
  const parseJson = t.mock.method(JSON, 'parse');
  for (const expensive of [
    '['.repeat(3_000_000),
    `{"a": "text", "b": ${'['.repeat(levels)}${']'.repeat(levels)}}`,
    `{"a": "text", "b": [${'{},'.repeat(levels)}{}]}`,
  ]) {
    assert.throws(() => parse(expensive), refused);
  }
  assert.equal(parseJson.mock.callCount(), 0);
});
