/** The `vws` command on a real terminal, which `script` of util-linux makes. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openTerminal, registerAt, startLine } from './support/cli.ts';
import { codeFromMailbox } from './support/mail.ts';
import { newPassword } from './support/people.ts';
import { eventually } from './support/poll.ts';
import { startServer } from './support/server.ts';

const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const PATIENCE_MILLISECONDS = 30_000;
const skip = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') !== true;

/** Runs a command, then `stty`, on a terminal of their own. */
function openPty(t: TestContext, command: string, environment: Record<string, string>) {
  const line = `"${process.execPath}" "${MAIN}" ${command}; code=$?; stty -a; exit $code`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { PATH: process.env.PATH ?? '', HOME: '/', SHELL: '/bin/sh', TERM: 'dumb', ...environment },
  });
  t.after(() => child.kill('SIGKILL'));
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  const ended = once(child, 'close');
  return {
    async answer(question: string, keys: string): Promise<void> {
      const from = screen.length;
      await eventually(
        `${question} in ${screen}`,
        () => screen.endsWith(`${question}: `) || screen.slice(from).includes(`${question}: `) || undefined,
        PATIENCE_MILLISECONDS,
      );
      child.stdin.write(keys);
      await eventually('an effect', () => !screen.endsWith(`${question}: `) || undefined, PATIENCE_MILLISECONDS);
    },
    async end(): Promise<{ code: unknown; screen: string }> {
      const [code] = await ended;
      return { code, screen };
    },
  };
}

test('an account is made at a terminal, where no password is shown', { skip }, async (t) => {
  const server = await startServer(t, {});
  const { stateFolder, json } = await openTerminal(t, server);
  const password = newPassword();
  const pty = openPty(t, 'register --username bob', { VWS_STATE_DIR: stateFolder, VWS_SERVER: server.url });
  await pty.answer('Trust it from now on, and no other one? (yes/no)', 'yes\r');
  await pty.answer('E-mail address', 'bob@example.org\r');
  await pty.answer('Password', 'too weak\r');
  await pty.answer('Password, again', 'too weak\r');
  await pty.answer('Password', `${password}\r`);
  await pty.answer('Password, again', `${password}x\r`);
  await pty.answer('Password', `${password}\r`);
  await pty.answer('Password, again', `${password}\r`);
  const { code, screen } = await pty.end();
  assert.equal(code, 0, screen);
  assert.match(screen, /E-mail address: bob@example\.org\r+\n/);
  assert.match(screen, /The two are not the same\./);
  assert.match(screen, /The password is too weak or too long/);
  assert.match(screen, /Registered and logged in as bob/);
  assert.ok(!screen.includes(password) && !screen.includes('too weak\r'), screen);
  assert.match(screen, / icanon /);
  assert.match(screen, / echo /);
  assert.equal((await json('whoami')).username, 'bob');
});

test('Ctrl-C at a question ends the command and gives the terminal back', { skip }, async (t) => {
  const line = await startLine(t, await startServer(t, {}));
  const { stateFolder } = await openTerminal(t, line);
  const pty = openPty(t, 'login --email a@example.org', { VWS_STATE_DIR: stateFolder, VWS_SERVER: line.url });
  await pty.answer('Trust it from now on, and no other one? (yes/no)', 'y\r');
  const sent = line.paths.length;
  await pty.answer('Password', 'hunter\x03');
  const { code, screen } = await pty.end();
  assert.equal(code, 130, screen);
  assert.match(screen, / icanon /);
  assert.match(screen, / echo /);
  assert.doesNotMatch(screen, /hunter|Error/);
  assert.equal(line.paths.length, sent, 'nothing is sent');
});

test('a recovery that Ctrl-C ended after the code asks for the password alone', { skip }, async (t) => {
  const server = await startServer(t, {});
  const ann = await openTerminal(t, server);
  await registerAt(ann, 'ann');
  await ann.done('recover --send --email ann@example.org');
  const code = await codeFromMailbox(server.dataDir, 'ann@example.org');
  const environment = { VWS_STATE_DIR: ann.stateFolder, VWS_SERVER: server.url };
  const first = openPty(t, 'recover --code', environment);
  await first.answer('Code', `${code}\r`);
  await first.answer('New password', '\x03');
  const interrupted = await first.end();
  assert.equal(interrupted.code, 130, interrupted.screen);
  assert.match(interrupted.screen, /go on with: vws recover --code/);
  const second = openPty(t, 'recover --code', environment);
  const password = newPassword();
  await second.answer('New password', `${password}\r`);
  await second.answer('New password, again', `${password}\r`);
  const done = await second.end();
  assert.equal(done.code, 0, done.screen);
  assert.doesNotMatch(done.screen, /Code:/);
  await ann.done('login --email ann@example.org', password);
});

test('a server that is not trusted gets nothing', { skip }, async (t) => {
  const line = await startLine(t, await startServer(t, {}));
  const { stateFolder, failure } = await openTerminal(t, line);
  const pty = openPty(t, 'login', { VWS_STATE_DIR: stateFolder, VWS_SERVER: line.url });
  await pty.answer('Trust it from now on, and no other one? (yes/no)', 'no\r');
  const { code, screen } = await pty.end();
  assert.equal(code, 6, screen);
  assert.match(screen, /The server is not trusted/);
  assert.deepEqual(line.paths, ['/create_session_key']);
  assert.equal((await failure('whoami'))[0], 3);
});
