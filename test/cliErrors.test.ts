/** The `vws` command when something is in its way: what scripts rely on, and what people may not lose. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, type TestContext, test } from 'node:test';
import { openTerminal, registerAt, startCliHarness, type Terminal } from './support/cli.ts';
import { newPassword } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';

// Commands mostly wait for the server and the disk.
describe('the command in trouble', { concurrency: 3 }, () => {
  test('every failure has its exit code and its JSON', async (t) => {
    const { line, ann } = await startCliHarness(t);
    const password = await registerAt(ann, 'ann');
    const failures: [string, string | Uint8Array, number, string][] = [
      ['login --email ann@example.org', 'wrong\n', 4, 'invalid_credentials'],
      ['encrypt nobody', 'x', 7, 'user_not_found'],
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
    assert.equal((await ann.failure('decrypt /nowhere/at/all'))[1].title, 'There is no file /nowhere/at/all');
    line.server = undefined;
    const [exit, error] = await ann.failure('whoami --timeout 0.3');
    assert.deepEqual([exit, error.code], [5, 'network']);
  });

  test('a request without an answer is told from a later one that was not sent', async (t) => {
    const { server, line, ann } = await startCliHarness(t);
    await registerAt(ann, 'ann');
    line.server = undefined;
    const first = await ann.run('encrypt ann --timeout 0.3', 'x');
    assert.match(first.stderr, /It is recorded, and the next command settles it first:/);
    const second = await ann.run('whoami --timeout 0.3');
    assert.match(second.stderr, /Nothing new was sent: an earlier request is still without an answer\./);
    assert.doesNotMatch(second.stderr, /recorded/);
    line.server = server;
    await ann.done('encrypt ann', 'x');
  });

  test('a port that speaks no HTTPS is told at once', async (t) => {
    const { line, ann } = await startCliHarness(t);
    const url = line.url.replace('http:', 'https:');
    for (const command of [`fingerprint ${url}`, `login --suite1 --email a@example.org --server ${url}`]) {
      const { code, stderr } = await ann.run(command, `${newPassword()}\n`);
      assert.equal(code, 5);
      assert.match(stderr, /: This port does not speak HTTPS; is it http:\/\/\?\n$/);
      assert.doesNotMatch(stderr, /Trying again/);
    }
  });

  test('programs are told which identity was expected and which was shown', async (t) => {
    const { line, ann } = await startCliHarness(t);
    const expected = (await ann.done('fingerprint')).trim();
    const pin = 'A'.repeat(43);
    const [, wrong] = await ann.failure(`fingerprint --pin ${pin}`);
    const told = { code: 'identity_changed', server: line.url };
    assert.deepEqual(wrong, {
      ...told,
      title: 'The server is not the one that --pin names.',
      expected: pin,
      shown: expected,
    });
    assert.match(
      (await ann.run(`login --pin ${pin}`)).stderr,
      /^WARNING: THE SERVER IS NOT THE ONE THAT --pin NAMES\.$/m,
    );
    await registerAt(ann, 'ann');
    line.server = await startServer(t);
    const [, changed] = await ann.failure('fingerprint');
    const { shown } = changed;
    assert.deepEqual(changed, { ...told, title: 'The server is not the one that it was.', expected, shown });
    assert.match(String(shown), /^[\w-]{43}$/);
  });

  test('a server that starts anew is the same to everybody; another one in its place is shouted about', async (t) => {
    const { server, line, ann } = await startCliHarness(t);
    const password = await registerAt(ann, 'ann');
    const sealed = await ann.done('encrypt ann', 'before');
    await server.stop();
    await server.start();
    line.server = server;
    assert.equal(await ann.done('decrypt', sealed), 'before');

    const other = await startServer(t);
    line.server = other;
    for (const command of ['whoami', 'login --email ann@example.org', 'fingerprint', 'logout']) {
      const { code, stdout, stderr } = await ann.run(command, `${password}\n`);
      assert.equal(code, 6, `${command}: ${stderr}`);
      assert.equal(stdout, '');
      assert.match(
        stderr,
        /!{72}\nWARNING: THE SERVER IS NOT THE ONE THAT IT WAS\..*Sessions that are open go on; a new session is refused\..*--pin [\w-]{43}\n!{72}\n/s,
      );
    }
    line.server = server;
    assert.equal(await ann.done('decrypt', sealed), 'before', 'the session is not lost to the other server');

    line.server = other;
    const shown = (await (await openTerminal(t, line)).done('fingerprint')).trim();
    await ann.done(`register --username ann --email ann@example.org --pin ${shown}`, password);
    assert.equal((await ann.json('whoami')).fingerprint, shown);
  });

  test('a command that is killed while it waits loses nothing', async (t) => {
    const { line, ann } = await startCliHarness(t);
    const password = newPassword();
    const command = 'register --username ann --email ann@example.org';
    await kill(line.loseAnswer('/register_user'), ann, command, password);
    await ann.done(command, password);
    const changed = newPassword();
    await kill(line.loseAnswer('/change_password'), ann, 'passwd', `${password}\n${changed}`);
    assert.equal((await ann.json('whoami')).username, 'ann');
    await ann.done('login --email ann@example.org', changed);
  });

  test('commands at once take turns', async (t) => {
    const { ann } = await startCliHarness(t);
    await registerAt(ann, 'ann');
    const texts = ['one', 'two', 'three'];
    const sealed = await Promise.all(texts.map((text) => ann.done('encrypt ann', text)));
    for (const [index, message] of sealed.entries()) assert.equal(await ann.done('decrypt', message), texts[index]);
  });

  test('the original server, which knows less, is spoken to all the same', async (t) => {
    const ann = await openTerminal(t, await startOriginal(t, await startServer(t)));
    const password = newPassword();
    const account = { username: 'ann', email: 'ann@example.org' };
    const { server: _, ...shown } = await ann.json(
      'register --suite1 --username ann --email ann@example.org',
      password,
    );
    assert.deepEqual(shown, account);
    const [exit, error] = await ann.failure('whoami --suite1');
    assert.deepEqual([exit, error.code], [1, 'route_not_found']);
    const { username } = await ann.json('rename anna --suite1', password);
    assert.equal(username, 'anna');
    const sealed = await ann.done('encrypt anna --suite1', 'for an old friend');
    assert.equal(await ann.done('decrypt --suite1', sealed), 'for an old friend');
    await ann.done('logout --suite1');
    const { username: unknown } = await ann.json('login --suite1 --email ann@example.org', password);
    assert.equal(unknown, null);
    assert.equal(await ann.done('decrypt --suite1', sealed), 'for an old friend');
  });

  test('an output that nobody reads any more is no error to be told', async (t) => {
    const { ann } = await startCliHarness(t);
    const { child, result } = ann.start('--help');
    child.stdout?.destroy();
    const { code, stderr } = await result;
    assert.deepEqual([code, stderr], [141, '']);
  });
});

const ORIGINAL_PATHS =
  /^\/(create_session_key|register_user|login_user|encrypt|decrypt|change_\w+|(confirm_|final_)?forgot_password)(\/|$)/;

/** The endpoints of the original server alone, and what its framework says in place of the others. */
async function startOriginal(t: TestContext, server: TestServer): Promise<{ url: string }> {
  const front = createServer(async (request, response) => {
    const { method = '', url = '' } = request;
    const body = Buffer.concat(await request.toArray());
    if (!ORIGINAL_PATHS.test(url))
      return response.writeHead(404, { 'content-type': 'text/html' }).end('<!doctype html>');
    const answer = await fetch(server.url + url, { method, body });
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

/** Kills a command at the moment at which the server has done what it asked for. */
async function kill(lost: Promise<void>, terminal: Terminal, command: string, input: string): Promise<void> {
  const { child, result } = terminal.start(command, input);
  await lost;
  child.kill('SIGKILL');
  assert.equal((await result).signal, 'SIGKILL');
}
