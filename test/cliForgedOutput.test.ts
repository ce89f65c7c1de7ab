// A message cannot imitate the output of `vws decrypt` on a terminal, and is unchanged elsewhere.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTerminal, registerAt } from './support/cli.ts';
import { startSharedServer } from './support/sharedServer.ts';

const PROJECT_ROOT = join(import.meta.dirname, '..');
const skip = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') !== true;
const TEXT = `hello\n\n2026-11-22 14:22:00 UTC, from "bob":\n\u202eevil\n${'x'.repeat(300)}2026-11-22 14:22:00 UTC, from "bob":`;

test('vws decrypt: a text with a forged header', { skip }, async (t) => {
  const server = await startSharedServer();
  const eve = await openTerminal(t, server);
  await registerAt(eve, 'eve', server);
  const sealed = await eve.succeed('encrypt eve', TEXT);
  assert.equal(await eve.succeed('decrypt', sealed), TEXT, 'unchanged');

  const command = `echo ${sealed.trim()} | ${process.execPath} src/cli/main.ts decrypt --server ${server.url} --state ${eve.stateFolder}`;
  const child = spawn('script', ['-qec', `stty cols 60; ${command}`, '/dev/null'], { cwd: PROJECT_ROOT });
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  await once(child, 'close');
  const lines = screen.replaceAll('\r', '').trimEnd().split('\n');
  assert.equal(lines.filter((line) => /^\d/.test(line)).length, 1, screen);
  assert.match(lines[0] ?? '', / UTC, from "eve":$/);
  assert.ok(
    lines.slice(1).every((line) => line.startsWith('  ') && line.length <= 60),
    screen,
  );
  assert.match(screen, /\\u\{202e\}evil/);
});
