import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entries, findEntry } from './commands.ts';
import { commonOptionsHelp } from './commonOptions.ts';
import { overview } from './overview.ts';

for (const { name, usage, load } of entries) {
  test(`the help of ${name} tells how it is called, with examples, in lines that fit`, async () => {
    const { help } = await load();
    assert.ok(help.startsWith(`Usage: vws ${`${name} ${usage}`.trim()}`), help);
    for (const line of help.split('\n')) assert.ok(line.length <= 120, line);
    if (name === 'db copy') return;
    assert.match(help, /\nExamples:\n {2}\S/);
    if (name !== 'serve') assert.ok(help.includes(commonOptionsHelp));
  });
}

test('the overview lists every command and every exit code, in lines that fit', () => {
  const text = overview();
  for (const { name, summary } of entries) assert.match(text, new RegExp(`^  ${name}.*  ${summary}$`, 'm'));
  for (const line of text.split('\n')) assert.ok(line.length <= 120, line);
  assert.match(text, /^ {4}6 {2}\S/m);
});

test('the longest name wins, whatever follows', () => {
  const nameOf = (...args: string[]) => findEntry(args)?.name;
  assert.equal(nameOf('sessions'), 'sessions');
  assert.equal(nameOf('sessions', '--json'), 'sessions');
  assert.equal(nameOf('sessions', 'end', 'abc'), 'sessions end');
  assert.equal(nameOf('sessions', 'end-others'), 'sessions end-others');
  assert.equal(nameOf('db'), undefined);
  assert.equal(nameOf(), undefined);
});
