/** The `vws` command against a real server: what people do at their terminals, and what scripts rely on. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openState } from '../src/cli/state/state.ts';
import { openTerminal, registerAt, startCliHarness } from './support/cli.ts';
import { codeFromMailbox } from './support/mail.ts';
import { newPassword } from './support/people.ts';

const TEXT = 'Grüße an alle \u{1f600}\n\n  und\tmehr\r\n';

// Commands mostly wait for the server and the disk.
describe('the command', { concurrency: 3 }, () => {
  test('two users: from registering to logging out, with a new password and a new name in between', async (t) => {
    const { server, line, ann, bob } = await startCliHarness(t);
    assert.deepEqual(await ann.failure('whoami').then(([code, { code: name }]) => [code, name]), [3, 'not_logged_in']);
    const fingerprint = (await ann.done('fingerprint')).trim();
    assert.match(server.stderr, new RegExp(`fingerprint ${fingerprint} `));
    const [password] = await Promise.all([registerAt(ann, 'ann'), registerAt(bob, 'bob')]);
    assert.deepEqual(await ann.json('whoami'), {
      username: 'ann',
      email: 'ann@example.org',
      server: line.url,
      fingerprint,
    });
    assert.match(await ann.done('whoami'), /^name {9}ann\ne-mail {7}ann@example.org\nserver /);

    const sealed = await ann.done('encrypt bob', TEXT);
    assert.match(sealed, /^[\w-]+\n$/);
    const opened = await bob.run('decrypt', sealed.replace(/(.{64})/g, '$1\r\n'));
    assert.deepEqual([opened.code, opened.stdout], [0, TEXT]);
    assert.match(opened.stderr, /^From ann, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC:\n$/);
    const file = join(bob.stateFolder, 'note.vws');
    await writeFile(file, sealed);
    const { sentAt, ...rest } = await bob.json(`decrypt ${file}`);
    assert.deepEqual(rest, { text: TEXT, sender: 'ann' });
    assert.ok(Math.abs(Date.now() - Date.parse(String(sentAt))) < 60_000);

    assert.deepEqual(await ann.json('rename anna', `${password}\n`), { username: 'anna' });
    const changed = newPassword();
    assert.deepEqual(await ann.json('passwd', `${password}\n${changed}\n`), { ok: true });
    assert.deepEqual(await ann.json('logout'), { ok: true });
    assert.equal((await ann.run('encrypt bob', 'x')).code, 3);
    assert.deepEqual(await ann.json('login', `ann@example.org\r\n${changed}`), {
      server: line.url,
      username: 'anna',
      email: 'ann@example.org',
    });
    const again = await bob.json(`decrypt ${file}`);
    assert.equal(again.sender, 'anna');
  });

  test('a recovery in two parts, with a wrong code first', async (t) => {
    const { server, ann } = await startCliHarness(t);
    await registerAt(ann, 'ann');
    const [missing, { code: name }] = await (await openTerminal(t, server)).failure('recover --code', 'ABCDEF\n');
    assert.deepEqual([missing, name], [7, 'no_recovery']);
    assert.deepEqual(await ann.json('recover --send --email ann@example.org'), { ok: true });
    const password = newPassword();
    assert.deepEqual((await ann.failure('recover --code', `......\n${password}\n`))[0], 4);
    const code = await codeFromMailbox(server.dataDir, 'ann@example.org');
    const interrupted = await ann.run('recover --email ann@example.org');
    assert.equal(interrupted.code, 2);
    assert.match(interrupted.stderr, /Go on, as soon as you have it, with: vws recover --code/);
    const second = await codeFromMailbox(server.dataDir, 'ann@example.org', [code]);
    assert.deepEqual(await ann.json('recover --code', `${second}\n${password}\n`), { ok: true });
    await ann.done('login --email ann@example.org', `${password}\n`);
  });

  test('a recovery that broke off after the code goes on with the password', async (t) => {
    const { server, line, ann } = await startCliHarness(t);
    await registerAt(ann, 'ann');
    await ann.done('recover --send --email ann@example.org');
    const code = await codeFromMailbox(server.dataDir, 'ann@example.org');
    for (const input of [`${code}\n`, `${code}\n\n`]) {
      assert.equal((await ann.run('recover --code', input)).code, 2, 'the password is missing');
    }
    assert.ok(!line.paths.includes('/confirm_forgot_password'), 'the code is not used without a password');
    const weak = await ann.run('recover --code', `${code.toLowerCase()}\nweak\n`);
    assert.equal(weak.code, 1);
    assert.match(weak.stderr, /For 10 minutes you can go on with: vws recover --code$/m);
    const password = newPassword();
    const lines = `${code}\n${password}\n`;
    assert.deepEqual(await ann.json('recover --code', lines), { ok: true });
    await ann.done('login --email ann@example.org', password);
    const [exit, error] = await ann.failure('recover --code', lines);
    assert.deepEqual([exit, error.code], [7, 'no_recovery']);
  });

  test('a code that was accepted for an earlier recovery does not count for the next one', async (t) => {
    const { server, line, ann } = await startCliHarness(t);
    await registerAt(ann, 'ann');
    await ann.done('recover --send --email ann@example.org');
    const code = await codeFromMailbox(server.dataDir, 'ann@example.org');
    const weak = `${code}\nweak\n`;
    assert.equal((await ann.failure('recover --code', weak))[1].code, 'password_refused');
    assert.equal((await ann.failure('recover --code', weak))[1].code, 'password_refused');
    const confirmedAt = openState(ann.stateFolder).of(line.url).confirmedAt(2);
    confirmedAt.save(Date.now() - 10 * 60 * 1000);
    assert.equal((await ann.failure('recover --code', weak))[1].code, 'no_recovery', 'it was accepted too long ago');
    confirmedAt.save(Date.now());
    await ann.done('recover --send --email ann@example.org');
    assert.equal((await ann.failure('recover --code', `......\n${newPassword()}\n`))[1].code, 'invalid_code');
    const second = await codeFromMailbox(server.dataDir, 'ann@example.org', [code]);
    await ann.done('recover --code', `${second}\n${newPassword()}\n`);
  });

  test('suite 1 has to be asked for, and has a session of its own', async (t) => {
    const { ann } = await startCliHarness(t);
    const password = await registerAt(ann, 'ann');
    assert.equal((await ann.failure('whoami --suite1'))[0], 3);
    await ann.done('login --suite1 --email ann@example.org', password);
    const who = await ann.json('whoami --suite1');
    assert.deepEqual([who.username, who.fingerprint], ['ann', null]);
    const sealed = await ann.done('encrypt ann --suite1', TEXT);
    assert.deepEqual(await ann.json('decrypt --suite1', sealed), { text: TEXT, sender: null, sentAt: null });
    assert.equal((await ann.json('decrypt', sealed)).sender, 'ann');
  });

  test('sessions: listed, ended one by one and all at once', async (t) => {
    const { line, ann, bob: laptop } = await startCliHarness(t);
    const password = await registerAt(ann, 'ann');
    const phone = await openTerminal(t, line);
    for (const terminal of [laptop, phone]) await terminal.done('login --email ann@example.org', password);
    const listed = (await ann.json('sessions')) as unknown as Record<string, unknown>[];
    assert.deepEqual(Object.keys(listed[0] ?? {}), ['id', 'suite', 'startedAt', 'lastUsedAt', 'current']);
    const [own, ...others] = listed.sort((one, other) => Number(other.current) - Number(one.current));
    assert.deepEqual(
      others.map(({ current }) => current),
      [false, false],
    );
    assert.match(await ann.done('sessions'), /^ {3}id .*\n([ *] {2}\S{10} .*\n){3}$/);
    assert.equal((await ann.run(`sessions end -- ${own?.id}`)).code, 1);
    await ann.done(`sessions end -- ${String(others[0]?.id).slice(0, 12)}`);
    const exits = await Promise.all([laptop, phone].map(async (terminal) => (await terminal.run('whoami')).code));
    assert.deepEqual(exits.sort(), [0, 3]);
    await ann.done('sessions end-others');
    for (const terminal of [laptop, phone]) assert.equal((await terminal.run('whoami')).code, 3);
    assert.equal(((await ann.json('sessions')) as unknown as unknown[]).length, 1);
  });
});
