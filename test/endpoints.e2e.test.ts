// All ten endpoints of suite 1, used by two users of one real server, with restarts in between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectDelivered, expectDone, expectFailure, expectMessage } from './support/expect.ts';
import { codeFromMailbox, startMailServer } from './support/mail.ts';
import { logIn, newPassword, newPerson, register } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { Suite1Client } from './support/suite1Client.ts';

const MEBIBYTE = 2 ** 20;

const texts: Record<string, string> = {
  'an empty text': '',
  'one character': 'x',
  'exactly one block': '0123456789abcdef',
  'NUL characters': '\0a\0\0b\0',
  'line ends': 'one\ntwo\r\nthree\r',
  'any Unicode': 'Grüße, Ελληνικά, 世界, עברית, 🎬👩‍👩‍👧, e\u0301, \u00e9, \ufeff, \uffff, \u{10ffff}',
  'a byte order mark at the beginning': '\ufeffx',
  'every character below U+0100': Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join(''),
  JSON: '{"error": "no", "message": null}',
  '1 MiB of ASCII': 'x'.repeat(MEBIBYTE),
  '1 MiB of four-byte characters': '🎬'.repeat(MEBIBYTE / 4),
};

/** Uses the ten endpoints; `receiveCode` waits for the code that is mailed to an address. */
async function walk(server: TestServer, receiveCode: (email: string) => Promise<string>): Promise<void> {
  const [alice, bob] = [newPerson('Alice Älpha'), newPerson('Bob')];
  const [forAlice, forBob] = [await register(server, alice), await register(server, bob)];
  const old = await expectDelivered(forBob, forAlice, alice.username, 'before everything');

  const login = await logIn(server, alice);
  assert.equal(expectMessage(await login.decrypt(old)), 'before everything');

  const renamed = { ...alice, username: 'Alice Beta' };
  const rename = { new_username: renamed.username, password: alice.password };
  expectDone(await forAlice.call('/change_username', rename));
  await expectDelivered(forBob, forAlice, alice.username, 'for the old name');
  await expectDelivered(forBob, forAlice, renamed.username, 'after the renaming');
  assert.equal(expectMessage(await forAlice.decrypt(old)), 'before everything');
  const successor = await Suite1Client.handshake(server);
  expectFailure(await successor.call('/register_user', { ...newPerson(alice.username) }), 201, 'Username is busy');

  await server.stop();
  await server.start();
  const changed = { ...renamed, password: newPassword() };
  const change = { password: alice.password, new_password: changed.password };
  expectDone(await forAlice.call('/change_password', change));
  const stale = await Suite1Client.handshake(server);
  expectFailure(await stale.call('/login_user', { ...alice }), 201, 'Password is wrong');
  assert.equal(expectMessage(await forAlice.decrypt(old)), 'before everything');
  await expectDelivered(forBob, await logIn(server, changed), renamed.username, 'after the change of the password');

  const recovered = { ...changed, password: newPassword() };
  const forgetful = await Suite1Client.handshake(server);
  expectDone(await forgetful.call('/forgot_password', { email: alice.email }));
  const code = await receiveCode(alice.email);
  expectDone(await forgetful.call('/confirm_forgot_password', { code }));
  expectDone(await forgetful.call('/final_forgot_password', { new_password: recovered.password }));
  expectDone(await forgetful.call('/login_user', { email: recovered.email, password: recovered.password }));

  await server.kill();
  await server.start();
  assert.equal(expectMessage(await forgetful.decrypt(old)), 'before everything');
  const back = await logIn(server, recovered);
  assert.equal(expectMessage(await back.decrypt(old)), 'before everything');
  await expectDelivered(forBob, back, recovered.username, 'after everything');
  await expectDelivered(back, forBob, bob.username, 'and back');
}

test('the ten endpoints with a mail server', async (t) => {
  const mail = await startMailServer(t);
  await walk(await startServer(t, mail.settings), mail.codeFor);
});

test('the ten endpoints with the local mailbox', async (t) => {
  const server = await startServer(t);
  await walk(server, (email) => codeFromMailbox(server.dataDir, email));
});

test('texts of every kind are encrypted and decrypted', async (t) => {
  const server = await startServer(t);
  const [alice, bob] = [newPerson(), newPerson()];
  const [from, to] = [await register(server, alice), await register(server, bob)];
  const ciphertexts = new Map<string, string>();
  for (const [what, text] of Object.entries(texts)) {
    await t.test(what, async () => {
      const ciphertext = await expectDelivered(from, to, bob.username, text);
      assert.ok(!/[^\u0020-\u00ff]/.test(ciphertext), 'one line of characters below U+0100');
      ciphertexts.set(what, ciphertext);
    });
  }
  await t.test('the same text twice: two different ciphertexts', async () => {
    const again = await expectDelivered(from, to, bob.username, texts['one character']);
    assert.notEqual(again, ciphertexts.get('one character'));
  });
  await t.test('a user can encrypt for themselves', async () => {
    await expectDelivered(from, from, alice.username);
  });
  await t.test('all ciphertexts still open after a restart', async () => {
    await server.stop();
    await server.start();
    for (const [what, ciphertext] of ciphertexts) {
      assert.equal(expectMessage(await to.decrypt(ciphertext)), texts[what], what);
    }
  });
});
