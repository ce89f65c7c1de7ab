// The phrases that the prose check reports and those that it allows.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkText } from './check-prose.ts';

const refused = (file: string, text: string) => checkText(file, text).map((line) => line.split(': ').slice(0, 2));

describe('a document', () => {
  test('is reported with file, line and phrase, also across a line break', () => {
    const text = 'One line.\nThe mail goes\non, and nobody\nreads it.';
    assert.deepEqual(refused('docs/a.md', text), [
      ['docs/a.md:3', '"nobody"'],
      ['docs/a.md:2', '"goes on"'],
    ]);
  });

  test('may use plain English and names in code', () => {
    const text =
      'There is no such user, and the session is no longer valid. It is none of these, and is read as it is needed. The user `nobody` is over 18.';
    assert.deepEqual(refused('README.md', text), []);
  });
});

describe('code', () => {
  const cases: [name: string, source: string, phrases: string[]][] = [
    ['a comment', '// Made anew.\n', ['"anew"']],
    ['a phrase over two comment lines', '// The server goes\n  // on.\n', ['"goes on"']],
    ['a phrase over two lines of a doc comment', '/**\n * Kept as it\n * was.\n */', ['"as it was"']],
    ['a doc comment that is a clause', '/** What the mailer sends. */', ['"/** What"']],
    ['two tags on a line', '/** Adds. @param a one @returns two */', ['"@param a one @returns"']],
    ['tags on lines of their own', '/**\n * @param a one\n * @returns two\n */', []],
    ['a string', "log('the key is no key');", ['"is no key"']],
    ['a template', 'log(`the name $' + '{nobody} is told`);', ['"is told"']],
    ['a string of one word is a name', "find('nobody');", []],
    ['an identifier', 'const besides = somebody.anew;', []],
    ['two strings that only stand together', "f('it is', 'no key', 'one two');", []],
    ['a regular expression', 'const pattern = /somebody goes on/;', []],
  ];
  for (const [name, source, phrases] of cases) {
    test(name, () =>
      assert.deepEqual(
        refused('src/a.ts', source).map(([, phrase]) => phrase),
        phrases,
      ),
    );
  }
});
