// The `vws` command on a real pseudo-terminal, created with `script` of util-linux.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { problems } from '../src/protocol/problems.ts';
import { openTerminal, registerAt, startProxy } from './support/cli.ts';
import { codeFromMailbox, takeRegistrationCode } from './support/mail.ts';
import { newPassword } from './support/people.ts';
import { eventually } from './support/poll.ts';
import { startSharedServer } from './support/sharedServer.ts';

const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const PROMPT_TIMEOUT_MS = 30_000;
const skip = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') !== true;

const TRUST = 'Does it match the fingerprint from the operator? Trust and pin it? (yes/no)';

const server = await startSharedServer();

/** Runs a command, then `stty`, on a new terminal. */
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
        PROMPT_TIMEOUT_MS,
      );
      const length = screen.length;
      child.stdin.write(keys);
      // The same question may be asked again at once, so that the end of the screen shows nothing.
      await eventually('an effect', () => screen.length > length || undefined, PROMPT_TIMEOUT_MS);
    },
    async end(): Promise<{ code: unknown; screen: string }> {
      const [code] = await ended;
      return { code, screen };
    },
  };
}

test('registration on a terminal: passwords are repeated and not echoed', { skip }, async (t) => {
  const { stateFolder, json } = await openTerminal(t, server);
  const password = newPassword();
  const pty = openPty(t, 'register --username bob', { VWS_STATE_DIR: stateFolder, VWS_SERVER: server.url });
  await pty.answer(TRUST, 'yes\r');
  await pty.answer('Email address', 'bob@example.org\r');
  await pty.answer('Password', 'too weak\r');
  await pty.answer('Repeat password', 'too weak\r');
  await pty.answer('Password', `${password}\r`);
  await pty.answer('Repeat password', `${password}x\r`);
  await pty.answer('Password', `${password}\r`);
  await pty.answer('Repeat password', `${password}\r`);
  await pty.answer('Code', 'LOI010\r');
  await pty.answer('Code', `${await takeRegistrationCode(server.dataDir, 'bob@example.org')}\r`);
  const { code, screen } = await pty.end();
  assert.equal(code, 0, screen);
  assert.ok(screen.includes(problems.invalid_code.title.replace(/\.$/, '')), screen);
  assert.match(screen, /Email address: bob@example\.org\r+\n/);
  assert.match(screen, /Passwords do not match\./);
  assert.ok(screen.includes(problems.password_refused.title.replace(/\.$/, '')), screen);
  assert.match(screen, /Registered and logged in as bob/);
  assert.ok(!screen.includes(password) && !screen.includes('too weak\r'), screen);
  assert.match(screen, / icanon /);
  assert.match(screen, / echo /);
  assert.equal((await json('whoami')).username, 'bob');
});

test('Ctrl-C at a prompt: exit code 130, nothing sent, terminal restored', { skip }, async (t) => {
  const proxy = await startProxy(t, server);
  const { stateFolder } = await openTerminal(t, proxy);
  const pty = openPty(t, 'login --email a@example.org', { VWS_STATE_DIR: stateFolder, VWS_SERVER: proxy.url });
  await pty.answer(TRUST, 'y\r');
  const sent = proxy.paths.length;
  await pty.answer('Password', 'hunter\x03');
  const { code, screen } = await pty.end();
  assert.equal(code, 130, screen);
  assert.match(screen, / icanon /);
  assert.match(screen, / echo /);
  assert.doesNotMatch(screen, /hunter|Error/);
  assert.equal(proxy.paths.length, sent, 'nothing is sent');
});

test('recovery interrupted by Ctrl-C after the code: continues with the password prompt', { skip }, async (t) => {
  const hanna = await openTerminal(t, server);
  await registerAt(hanna, 'hanna', server);
  await hanna.succeed('recover --send --email hanna@example.org');
  const code = await codeFromMailbox(server.dataDir, 'hanna@example.org');
  const environment = { VWS_STATE_DIR: hanna.stateFolder, VWS_SERVER: server.url };
  const first = openPty(t, 'recover --code', environment);
  await first.answer('Code', `${code}\r`);
  await first.answer('New password', '\x03');
  const interrupted = await first.end();
  assert.equal(interrupted.code, 130, interrupted.screen);
  assert.match(interrupted.screen, /continue with: vws recover --code/);
  const second = openPty(t, 'recover --code', environment);
  const password = newPassword();
  await second.answer('New password', `${password}\r`);
  await second.answer('Repeat new password', `${password}\r`);
  const done = await second.end();
  assert.equal(done.code, 0, done.screen);
  assert.doesNotMatch(done.screen, /Code:/);
  await hanna.succeed('login --email hanna@example.org', password);
});

test('answering no to the trust prompt: exit code 6, no session opened', { skip }, async (t) => {
  const proxy = await startProxy(t, server);
  const { stateFolder, failure } = await openTerminal(t, proxy);
  const pty = openPty(t, 'login', { VWS_STATE_DIR: stateFolder, VWS_SERVER: proxy.url });
  await pty.answer(TRUST, 'no\r');
  const { code, screen } = await pty.end();
  assert.equal(code, 6, screen);
  assert.match(screen, /The server is not trusted/);
  assert.deepEqual(proxy.paths, ['/create_session_key']);
  assert.equal((await failure('whoami'))[0], 3);
});
