// Text of other users on a terminal: escaping, indenting and wrapping.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { indent, printable } from './printable.ts';

test('control characters are escaped, other text is unchanged', () => {
  const text = 'Grüße \u{1f600}\tand\nmore \\';
  assert.equal(printable(text), text);
  assert.equal(printable('a\x1b[2Jb\rc\x07\x7f\x9b0m\0'), 'a\\x1b[2Jb\\x0dc\\x07\\x7f\\x9b0m\\x00');
});

test('direction and other format characters are escaped, except the joiners of scripts and emoji', () => {
  assert.equal(
    printable('\u202efdp.exe\u2066 \u200b\ufeff\u00ad'),
    '\\u{202e}fdp.exe\\u{2066} \\u{200b}\\u{feff}\\xad',
  );
  assert.equal(printable('a\u2028b\u2029\u{e0041}'), 'a\\u{2028}b\\u{2029}\\u{e0041}');
  for (const text of ['👩‍👩‍👧', 'می\u200cخواهم', '❤\ufe0f']) assert.equal(printable(text), text);
});

test('no line of an indented text begins in the first column', () => {
  assert.equal(indent('one\nFrom bob', 80), '  one\n  From bob');
  assert.equal(indent('abcdefghij', 10), '  abcdefgh\n  ij');
  assert.equal(indent('世界世界世', 10), '  世界世界\n  世');
  assert.equal(indent('abc\tdef', 12), '  abc\n  \tde\n  f');
  assert.equal(indent(`${' '.repeat(78)}From bob`, 80), `  ${' '.repeat(78)}\n  From bob`);
  assert.equal(indent('', 80), '  ');
});

test('lines of any text fit into the terminal, and lose nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'é', '世', '👩‍👧', 'e\u0301', ' ', '\n') }), (text) => {
      const lines = indent(text, 10).split('\n');
      for (const line of lines) {
        assert.ok(line.startsWith('  '));
        const cells = [...line].reduce((sum, character) => sum + (/[世👩👧]/u.test(character) ? 2 : 1), 0);
        const zeroWidth = line.match(/[\u0301\u200d]/gu)?.length ?? 0;
        assert.ok(cells - zeroWidth <= 10, line);
      }
      assert.equal(lines.map((line) => line.slice(2)).join(''), text.replaceAll('\n', ''));
    }),
  );
});
