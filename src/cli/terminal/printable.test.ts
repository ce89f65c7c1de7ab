// Escaping of control characters.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable } from './printable.ts';

test('control characters are escaped, other text is unchanged', () => {
  const text = 'Grüße \u{1f600}\tand\nmore \\';
  assert.equal(printable(text), text);
  assert.equal(printable('a\x1b[2Jb\rc\x07\x7f\x9b0m\0'), 'a\\x1b[2Jb\\x0dc\\x07\\x7f\\x9b0m\\x00');
});
