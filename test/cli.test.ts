// The `vws` command against a real server: everyday use, on terminals and in scripts.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { StateFolder } from '../src/cli/state/state.ts';
import { openTerminal, registerAt, startProxy } from './support/cli.ts';
import { codeFromMailbox } from './support/mail.ts';
import { newPassword } from './support/people.ts';
import { startSharedServer } from './support/sharedServer.ts';

const TEXT = 'Grüße an alle \u{1f600}\n\n  und\tmehr\r\n';

const server = await startSharedServer();

test('two users: register, exchange messages, change name and password, log out, log in', async (t) => {
  const [ann, bob] = [await openTerminal(t, server), await openTerminal(t, server)];
  assert.deepEqual(await ann.failure('whoami').then(([code, { code: name }]) => [code, name]), [3, 'not_logged_in']);
  const fingerprint = (await ann.succeed('fingerprint')).trim();
  assert.match(server.stderr, new RegExp(`fingerprint ${fingerprint} `));
  const password = await registerAt(ann, 'ann', server);
  await registerAt(bob, 'bob', server);
  assert.deepEqual(await ann.json('whoami'), {
    username: 'ann',
    email: 'ann@example.org',
    server: server.url,
    fingerprint,
  });
  assert.match(await ann.succeed('whoami'), /^username {5}ann\nemail {8}ann@example.org\nserver /);

  const sealed = await ann.succeed('encrypt bob', TEXT);
  assert.match(sealed, /^[\w-]+\n$/);
  const opened = await bob.run('decrypt', sealed.replace(/(.{64})/g, '$1\r\n'));
  assert.deepEqual([opened.code, opened.stdout], [0, TEXT]);
  assert.match(opened.stderr, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, from "ann":\n$/);
  const file = join(bob.stateFolder, 'note.vws');
  await writeFile(file, sealed);
  const { sentAt, senderId, ...rest } = await bob.json(`decrypt ${file}`);
  assert.deepEqual(rest, { text: TEXT, sender: 'ann', senderNow: 'ann', contactChanged: false });
  assert.match(String(senderId), /^[0-9a-f]{32}$/);
  assert.ok(Math.abs(Date.now() - Date.parse(String(sentAt))) < 60_000);

  assert.deepEqual(await ann.json('rename anna', `${password}\n`), { username: 'anna' });
  const changed = newPassword();
  assert.deepEqual(await ann.json('passwd', `${password}\n${changed}\n`), { ok: true });
  assert.deepEqual(await ann.json('logout'), { ok: true });
  assert.equal((await ann.run('encrypt bob', 'x')).code, 3);
  assert.deepEqual(await ann.json('login', `ann@example.org\r\n${changed}`), {
    server: server.url,
    username: 'anna',
    email: 'ann@example.org',
  });
  assert.equal((await bob.json(`decrypt ${file}`)).senderNow, 'anna');
  assert.match((await bob.run(`decrypt ${file}`)).stderr, / UTC, from "ann" \(now "anna"\):\n$/);
});

test('recovery in two commands: a wrong code, a missing code, then the second code succeeds', async (t) => {
  const carl = await openTerminal(t, server);
  await registerAt(carl, 'carl', server);
  const [missing, { code: name }] = await (await openTerminal(t, server)).failure('recover --code', 'ABCDEF\n');
  assert.deepEqual([missing, name], [7, 'no_recovery']);
  assert.deepEqual(await carl.json('recover --send --email carl@example.org'), { ok: true });
  const password = newPassword();
  assert.deepEqual((await carl.failure('recover --code', `......\n${password}\n`))[0], 4);
  const code = await codeFromMailbox(server.dataDir, 'carl@example.org');
  const interrupted = await carl.run('recover --email carl@example.org');
  assert.equal(interrupted.code, 2);
  assert.match(interrupted.stderr, /When you have it, continue with: vws recover --code/);
  const second = await codeFromMailbox(server.dataDir, 'carl@example.org', [code]);
  assert.deepEqual(await carl.json('recover --code', `${second}\n${password}\n`), { ok: true });
  await carl.succeed('login --email carl@example.org', `${password}\n`);
});

test('recovery interrupted after the code was accepted: continues with the password', async (t) => {
  const proxy = await startProxy(t, server);
  const dora = await openTerminal(t, proxy);
  await registerAt(dora, 'dora', server);
  await dora.succeed('recover --send --email dora@example.org');
  const code = await codeFromMailbox(server.dataDir, 'dora@example.org');
  for (const input of [`${code}\n`, `${code}\n\n`]) {
    assert.equal((await dora.run('recover --code', input)).code, 2, 'the password is missing');
  }
  assert.ok(!proxy.paths.includes('/confirm_forgot_password'), 'the code is not used without a password');
  const weak = await dora.run('recover --code', `${code.toLowerCase()}\nweak\n`);
  assert.equal(weak.code, 1);
  assert.match(weak.stderr, /Within 10 minutes, you can continue with: vws recover --code$/m);
  const password = newPassword();
  const lines = `${code}\n${password}\n`;
  assert.deepEqual(await dora.json('recover --code', lines), { ok: true });
  await dora.succeed('login --email dora@example.org', password);
  const [exit, error] = await dora.failure('recover --code', lines);
  assert.deepEqual([exit, error.code], [7, 'no_recovery']);
});

test('a code accepted in an earlier recovery does not count for the next one', async (t) => {
  const emil = await openTerminal(t, server);
  await registerAt(emil, 'emil', server);
  await emil.succeed('recover --send --email emil@example.org');
  const code = await codeFromMailbox(server.dataDir, 'emil@example.org');
  const weak = `${code}\nweak\n`;
  assert.equal((await emil.failure('recover --code', weak))[1].code, 'password_refused');
  assert.equal((await emil.failure('recover --code', weak))[1].code, 'password_refused');
  const confirmedAt = new StateFolder(emil.stateFolder).ofServer(server.url).confirmedAt(2);
  confirmedAt.save(Date.now() - 10 * 60 * 1000);
  assert.equal((await emil.failure('recover --code', weak))[1].code, 'no_recovery', 'accepted too long ago');
  confirmedAt.save(Date.now());
  await emil.succeed('recover --send --email emil@example.org');
  assert.equal((await emil.failure('recover --code', `......\n${newPassword()}\n`))[1].code, 'invalid_code');
  const second = await codeFromMailbox(server.dataDir, 'emil@example.org', [code]);
  await emil.succeed('recover --code', `${second}\n${newPassword()}\n`);
});

test('suite 1 is used only with --suite1, in a separate session', async (t) => {
  const fred = await openTerminal(t, server);
  const password = await registerAt(fred, 'fred', server);
  assert.equal((await fred.failure('whoami --suite1'))[0], 3);
  await fred.succeed('login --suite1 --email fred@example.org', password);
  const who = await fred.json('whoami --suite1');
  assert.deepEqual([who.username, who.fingerprint], ['fred', null]);
  const sealed = await fred.succeed('encrypt fred --suite1', TEXT);
  assert.deepEqual(await fred.json('decrypt --suite1', sealed), {
    ...{ text: TEXT, sender: null, senderNow: null, senderId: null, contactChanged: false, sentAt: null },
  });
  assert.equal((await fred.json('decrypt', sealed)).sender, 'fred');
});

test('sessions: lists them, ends one, ends all others', async (t) => {
  const gina = await openTerminal(t, server);
  const password = await registerAt(gina, 'gina', server);
  const others = [await openTerminal(t, server), await openTerminal(t, server)];
  for (const terminal of others) await terminal.succeed('login --email gina@example.org', password);
  const listed = (await gina.json('sessions')) as unknown as Record<string, unknown>[];
  assert.deepEqual(Object.keys(listed[0] ?? {}), ['id', 'suite', 'startedAt', 'lastUsedAt', 'current', 'label']);
  const [own, ...rest] = listed.sort((one, other) => Number(other.current) - Number(one.current));
  assert.deepEqual(
    rest.map(({ current }) => current),
    [false, false],
  );
  assert.match(await gina.succeed('sessions'), /^ {3}id .*\n([ *] {2}\S{10} .*\n){3}$/);
  assert.equal((await gina.run(`sessions end -- ${own?.id}`)).code, 1);
  await gina.succeed(`sessions end -- ${String(rest[0]?.id).slice(0, 12)}`);
  const exits: unknown[] = [];
  for (const terminal of others) exits.push((await terminal.run('whoami')).code);
  assert.deepEqual(exits.sort(), [0, 3]);
  await gina.succeed('sessions end-others');
  for (const terminal of others) assert.equal((await terminal.run('whoami')).code, 3);
  assert.equal(((await gina.json('sessions')) as unknown as unknown[]).length, 1);
});
