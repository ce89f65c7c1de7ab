// Parsing and help from one definition.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineCommand } from './command.ts';
import { renderHelp } from './help.ts';

const WORDS = 'word '.repeat(30).trim();
let received: unknown;

const command = defineCommand({
  name: 'play',
  description: `Plays.\n\n${WORDS}`,
  args: { '<title>': 'the title', '[artist]': 'the artist' },
  options: { '--volume <percent>': WORDS, '--loop': 'repeat' },
  input: ['password'],
  json: '{"ok":true}',
  notes: '  verbatim   line',
  examples: ['vws play a', ['vws play a b', 'with the artist']],
  async run({ title, artist, volume, loop }) {
    received = { title, artist, volume, loop };
  },
});

async function parse(...args: string[]): Promise<unknown> {
  await command.run(args, undefined as never);
  return received;
}

test('values are parsed by the definition', async () => {
  const missing = { artist: undefined, volume: undefined, loop: false };
  assert.deepEqual(await parse('a'), { ...missing, title: 'a' });
  assert.deepEqual(await parse('a', 'b', '--loop', '--volume=7'), { title: 'a', artist: 'b', volume: '7', loop: true });
  assert.deepEqual(await parse('--', '-a'), { ...missing, title: '-a' });
  await assert.rejects(parse(), { name: 'UsageError', message: '<title> is missing.' });
  await assert.rejects(parse('a', 'b', 'c'), { name: 'UsageError', message: 'Too many arguments: c' });
});

test('help is rendered from the definition', () => {
  const help = renderHelp(command.description);
  assert.match(help, /^Usage: vws play <title> \[artist\] \[options\]\n\nPlays\.\n\nword word/);
  assert.match(help, /\nArguments:\n {2}<title> {13}the title\n {2}\[artist\] {12}the artist\n\n/);
  assert.match(help, /\n {2}--volume <percent> {2}(word ?)+\n {22}word/);
  assert.match(help, /\nResult with --json:\n {2}\{"ok":true\}\n\n {2}verbatim {3}line\n\n/);
  assert.match(help, /Examples:\n {2}vws play a\n {2}vws play a b {3}# with the artist$/);
});
