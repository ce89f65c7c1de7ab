// The `vws account` commands against a real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginRegistration, openTerminal, registerAt } from './support/cli.ts';
import { codeFromMailbox, takeRegistrationCode } from './support/mail.ts';
import { newPassword } from './support/people.ts';
import { startSharedServer } from './support/sharedServer.ts';

const server = await startSharedServer();

test('account email: sends a code to the new address, and continues with it', async (t) => {
  const ann = await openTerminal(t, server);
  const password = await registerAt(ann, 'ann', server);
  const [none, { code: name }] = await ann.failure('account email --code', 'ABCDEF\n');
  assert.deepEqual([none, name], [7, 'no_email_change']);
  const sent = await ann.run('account email anna@example.org', `${password}\n`);
  assert.deepEqual([sent.code, sent.stdout], [0, '']);
  assert.match(sent.stderr, /sent to anna@example\.org\.\nContinue with: vws account email --code\n$/);
  assert.equal((await ann.failure('account email --code', 'LOI010\n'))[0], 4);
  const code = await codeFromMailbox(server.dataDir, 'anna@example.org');
  assert.deepEqual(await ann.json('account email --code', `${code}\n`), { ok: true });
  assert.equal((await ann.json('whoami')).email, 'anna@example.org');
  assert.equal((await ann.run('account email')).code, 2);
  assert.equal((await ann.run('account email x@example.org --code')).code, 2);
});

test('register --code: needs a registration, and continues one until its code', async (t) => {
  const eva = await openTerminal(t, server);
  const [none, { code: name }] = await eva.failure('register --code', 'ABCDEF\n');
  assert.deepEqual([none, name], [7, 'no_registration']);
  assert.equal((await eva.run('register --code --username eva', 'ABCDEF\n')).code, 2);
  await beginRegistration(eva, 'register --username eva --email eva@example.org', newPassword());
  assert.equal((await eva.failure('whoami'))[1].code, 'not_authenticated');
  assert.deepEqual((await eva.failure('register --code', 'LOI010\n'))[1].code, 'invalid_code');
  const code = await takeRegistrationCode(server.dataDir, 'eva@example.org');
  const expected = { server: server.url, username: 'eva', email: 'eva@example.org' };
  assert.deepEqual(await eva.json('register --code', `${code.toLowerCase()}\n`), expected);
  assert.equal((await eva.json('whoami')).username, 'eva');
  assert.equal((await eva.failure('register --code', code))[1].code, 'no_registration');
});

test('account notices: takes off, new_devices and all', async (t) => {
  const bob = await openTerminal(t, server);
  await registerAt(bob, 'bob', server);
  assert.deepEqual(await bob.json('account notices all'), { ok: true });
  assert.deepEqual(await bob.json('account notices new_devices'), { ok: true });
  assert.match((await bob.run('account notices off')).stderr, /^Logins are not reported\.\n$/);
  assert.equal((await bob.run('account notices sometimes')).code, 2);
});

test('account delete: needs the username and the password, and deletes the session', async (t) => {
  const carl = await openTerminal(t, server);
  const password = await registerAt(carl, 'carl', server);
  const [mismatch, { code }] = await carl.failure('account delete', `bob\n${password}\n`);
  assert.deepEqual([mismatch, code], [1, 'username_mismatch']);
  assert.equal((await carl.failure('account delete', 'carl\nwrong password\n'))[0], 4);
  const { code: exit, stderr } = await carl.run('account delete', `carl\n${password}\n`);
  assert.equal(exit, 0, stderr);
  assert.match(stderr, /never be opened again\. This cannot be undone\.\nThe account was deleted\.\n$/);
  assert.equal((await carl.failure('whoami'))[1].code, 'not_logged_in');
  assert.equal((await carl.failure('login --email carl@example.org', `${password}\n`))[1].code, 'invalid_credentials');
});

test('sessions: shows the label of sessions of the command', async (t) => {
  const dora = await openTerminal(t, server);
  await registerAt(dora, 'dora', server);
  assert.match(await dora.succeed('sessions'), /^ {3}id .* suite {2}label\n\* .* vws command\n$/);
  const [session] = (await dora.json('sessions')) as unknown as Record<string, unknown>[];
  assert.equal(session?.label, 'vws command');
});
