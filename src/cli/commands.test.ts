// The table of commands agrees with their definitions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entries, findEntry } from './commands.ts';
import { renderHelp } from './help.ts';
import { renderOverview } from './overview.ts';

const MAX_LINE_LENGTH = 120;

for (const { name, load } of entries) {
  test(`vws ${name}: the definition has the same name as the table, and its help is complete`, async () => {
    const { description } = (await load()).command;
    assert.equal(description.name, name);
    const help = renderHelp(description);
    assert.ok(help.startsWith(`Usage: vws ${name}`), help);
    assert.match(help, /\nExamples:\n {2}\S/);
    for (const line of help.split('\n')) assert.ok(line.length <= MAX_LINE_LENGTH, line);
  });
}

test('the overview lists every command and every exit code', () => {
  const text = renderOverview();
  for (const { name, summary } of entries) assert.match(text, new RegExp(`^  ${name} +${summary}$`, 'm'));
  for (const line of text.split('\n')) assert.ok(line.length <= MAX_LINE_LENGTH, line);
  assert.match(text, /^ {4}6 {2}\S/m);
});

test('the command with the longest name is found', () => {
  const nameOf = (...args: string[]) => findEntry(args)?.name;
  assert.equal(nameOf('sessions'), 'sessions');
  assert.equal(nameOf('sessions', '--json'), 'sessions');
  assert.equal(nameOf('sessions', 'end', 'abc'), 'sessions end');
  assert.equal(nameOf('sessions', 'end-others'), 'sessions end-others');
  assert.equal(nameOf('db'), undefined);
  assert.equal(nameOf(), undefined);
});
