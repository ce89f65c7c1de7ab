// The `vws` command when something fails: exit codes and JSON for scripts, and nothing lost for users.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import {
  beginRegistration,
  confirmRegistrationAt,
  openTerminal,
  registerAt,
  startProxy,
  type Terminal,
} from './support/cli.ts';
import { takeRegistrationCode } from './support/mail.ts';
import { newPassword } from './support/people.ts';
import type { TestServer } from './support/server.ts';
import { startSharedServer } from './support/sharedServer.ts';

const server = await startSharedServer();
const otherServer = await startSharedServer();

test('each failure has its exit code and its JSON', async (t) => {
  const proxy = await startProxy(t, server);
  const ann = await openTerminal(t, proxy);
  const password = await registerAt(ann, 'ann', server);
  const failures: [string, string | Uint8Array, number, string][] = [
    ['login --email ann@example.org', 'wrong\n', 4, 'invalid_credentials'],
    ['encrypt unknown', 'x', 7, 'user_not_found'],
    ['decrypt', 'no message', 7, 'undecryptable_message'],
    ['decrypt /nowhere/at/all', '', 1, 'failed'],
    ['encrypt ann', Buffer.from([0x66, 0xff]), 1, 'not_text'],
    ['sessions end nonsense', '', 7, 'no_such_session'],
    ['register --username ann --email other@example.org', `${password}\n`, 1, 'username_taken'],
    ['login --email ann@example.org', '', 2, 'wrong_usage'],
    ['fingerprint --pin AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', '', 6, 'identity_changed'],
  ];
  for (const [command, input, exit, code] of failures) {
    const [found, error] = await ann.failure(command, input);
    assert.deepEqual([found, error.code], [exit, code], command);
    assert.equal(typeof error.title, 'string');
  }
  assert.equal((await ann.failure('decrypt /nowhere/at/all'))[1].title, 'File not found: /nowhere/at/all');
  proxy.server = undefined;
  const [exit, error] = await ann.failure('whoami --timeout 0.3');
  assert.deepEqual([exit, error.code], [5, 'network']);
});

test('no response: the note explains whether a new request was sent', async (t) => {
  const proxy = await startProxy(t, server);
  const bob = await openTerminal(t, proxy);
  await registerAt(bob, 'bob', server);
  proxy.server = undefined;
  const first = await bob.run('encrypt bob --timeout 0.3', 'x');
  assert.match(first.stderr, /It is recorded, and the next command resolves it first\./);
  const second = await bob.run('whoami --timeout 0.3');
  assert.match(second.stderr, /Nothing new was sent, because an earlier request has no response yet\./);
  assert.doesNotMatch(second.stderr, /recorded/);
  proxy.server = server;
  await bob.succeed('encrypt bob', 'x');
});

test('a port without HTTPS fails at once', async (t) => {
  const { url } = await startProxy(t, server);
  const terminal = await openTerminal(t, { url });
  const https = url.replace('http:', 'https:');
  for (const command of [`fingerprint ${https}`, `login --suite1 --email a@example.org --server ${https}`]) {
    const { code, stderr } = await terminal.run(command, `${newPassword()}\n`);
    assert.equal(code, 5);
    assert.match(stderr, /: This port does not use HTTPS\. Try http:\/\/ instead\.\n$/);
    assert.doesNotMatch(stderr, /Retrying/);
  }
});

test('identity_changed in JSON names the expected and the shown fingerprint', async (t) => {
  const proxy = await startProxy(t, server);
  const carl = await openTerminal(t, proxy);
  const expected = (await carl.succeed('fingerprint')).trim();
  const pin = 'A'.repeat(43);
  const [, wrong] = await carl.failure(`fingerprint --pin ${pin}`);
  const common = { code: 'identity_changed', server: proxy.url };
  assert.deepEqual(wrong, {
    ...common,
    title: 'The server does not have the fingerprint of --pin.',
    expected: pin,
    shown: expected,
  });
  assert.match(
    (await carl.run(`login --pin ${pin}`)).stderr,
    /^WARNING: SERVER DOES NOT HAVE THE FINGERPRINT OF --pin$/m,
  );
  await registerAt(carl, 'carl', server);
  proxy.server = otherServer;
  const [, changed] = await carl.failure('fingerprint');
  const { shown } = changed;
  assert.deepEqual(changed, { ...common, title: 'Server identification has changed.', expected, shown });
  assert.match(String(shown), /^[\w-]{43}$/);
});

test('a restarted server keeps its identity; a different server causes a warning and exit code 6', async (t) => {
  const proxy = await startProxy(t, server);
  const dora = await openTerminal(t, proxy);
  const password = await registerAt(dora, 'dora', server);
  const sealed = await dora.succeed('encrypt dora', 'before');
  await server.stop();
  await server.start();
  assert.equal(await dora.succeed('decrypt', sealed), 'before');

  proxy.server = otherServer;
  for (const command of ['whoami', 'login --email dora@example.org', 'fingerprint', 'logout']) {
    const { code, stdout, stderr } = await dora.run(command, `${password}\n`);
    assert.equal(code, 6, `${command}: ${stderr}`);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /!{72}\nWARNING: SERVER IDENTIFICATION HAS CHANGED\n.*Open sessions remain\nvalid; new sessions are refused\..*--pin [\w-]{43}\n!{72}\n/s,
    );
  }
  proxy.server = server;
  assert.equal(await dora.succeed('decrypt', sealed), 'before', 'the session survives');

  proxy.server = otherServer;
  const shown = (await (await openTerminal(t, proxy)).succeed('fingerprint')).trim();
  await beginRegistration(dora, `register --username dora --email dora@example.org --pin ${shown}`, password);
  await confirmRegistrationAt(dora, 'dora@example.org', otherServer);
  assert.equal((await dora.json('whoami')).fingerprint, shown);
});

test('a command killed while it waits for the response: the next command finds out the result', async (t) => {
  const proxy = await startProxy(t, server);
  const emil = await openTerminal(t, proxy);
  const password = newPassword();
  const command = 'register --username emil --email emil@example.org';
  await kill(proxy.loseResponse('/register_user'), emil, command, password);
  await beginRegistration(emil, command, password);
  const code = await takeRegistrationCode(server.dataDir, 'emil@example.org');
  await kill(proxy.loseResponse('/confirm_registration'), emil, 'register --code', code);
  await emil.succeed('register --code', code);
  const changed = newPassword();
  await kill(proxy.loseResponse('/change_password'), emil, 'passwd', `${password}\n${changed}`);
  assert.equal((await emil.json('whoami')).username, 'emil');
  await emil.succeed('login --email emil@example.org', changed);
});

test('concurrent commands run one after the other', async (t) => {
  const fred = await openTerminal(t, server);
  await registerAt(fred, 'fred', server);
  const texts = ['one', 'two', 'three'];
  const sealed = await Promise.all(texts.map((text) => fred.start('encrypt fred', text).result));
  for (const [index, { code, stdout, stderr }] of sealed.entries()) {
    assert.equal(code, 0, stderr);
    assert.equal(await fred.succeed('decrypt', stdout), texts[index]);
  }
});

test('an original server without the newer endpoints works with --suite1', async (t) => {
  const gina = await openTerminal(t, await startOriginal(t, server));
  const password = newPassword();
  const account = { username: 'gina', email: 'gina@example.org' };
  const registration = 'register --suite1 --username gina --email gina@example.org';
  const { server: _, ...shown } = await gina.json(registration, password);
  assert.deepEqual(shown, account);
  const [exit, error] = await gina.failure('whoami --suite1');
  assert.deepEqual([exit, error.code], [1, 'route_not_found']);
  const { username } = await gina.json('rename georgina --suite1', password);
  assert.equal(username, 'georgina');
  const sealed = await gina.succeed('encrypt georgina --suite1', 'for an old friend');
  assert.equal(await gina.succeed('decrypt --suite1', sealed), 'for an old friend');
  await gina.succeed('logout --suite1');
  const { username: unknown } = await gina.json('login --suite1 --email gina@example.org', password);
  assert.equal(unknown, null);
  assert.equal(await gina.succeed('decrypt --suite1', sealed), 'for an old friend');
});

const ORIGINAL_PATHS =
  /^\/(create_session_key|register_user|login_user|encrypt|decrypt|change_\w+|(confirm_|final_)?forgot_password)(\/|$)/;

/** Forwards only the endpoints of the original server, and responds to others as its framework does. */
async function startOriginal(t: TestContext, target: TestServer): Promise<{ url: string }> {
  const front = createServer(async (request, response) => {
    const { method = '', url = '' } = request;
    const body = Buffer.concat(await request.toArray());
    if (!ORIGINAL_PATHS.test(url))
      return response.writeHead(404, { 'content-type': 'text/html' }).end('<!doctype html>');
    const answer = await fetch(target.url + url, { method, body });
    return response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.after(() => {
    front.close();
    front.closeAllConnections();
  });
  const address = front.address();
  assert.ok(address && typeof address === 'object');
  return { url: `http://127.0.0.1:${address.port}` };
}

/** Kills a command when the server has executed its request. */
async function kill(lost: Promise<void>, terminal: Terminal, command: string, input: string): Promise<void> {
  const { child, result } = terminal.start(command, input);
  await lost;
  child.kill('SIGKILL');
  assert.equal((await result).signal, 'SIGKILL');
}
