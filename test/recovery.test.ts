// The three steps of recovery, with the emails in the local mailbox.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectDone, expectFailure, expectMessage, expectRefused } from './support/expect.ts';
import { codeFromMailbox, mailboxOf } from './support/mail.ts';
import { logIn, newPassword, newPerson, type Person, register } from './support/people.ts';
import { eventually } from './support/poll.ts';
import { startServer } from './support/server.ts';
import { Suite1Client, type Suite1Response } from './support/suite1Client.ts';

const forgot = (client: Suite1Client, email: string): Promise<Suite1Response> =>
  client.call('/forgot_password', { email });
const confirm = (client: Suite1Client, code: string): Promise<Suite1Response> =>
  client.call('/confirm_forgot_password', { code });
const finish = (client: Suite1Client, password = newPassword()): Promise<Suite1Response> =>
  client.call('/final_forgot_password', { new_password: password });

/** Codes of the right length that differ from `code` in one character. */
function wrongCodes(code: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const at = index % code.length;
    const other = code[at] === 'A' ? 'B' : 'A';
    return code.slice(0, at) + other + code.slice(at + 1) + (index < code.length ? '' : 'A');
  });
}

test('recovery', async (t) => {
  const server = await startServer(t);

  /** A session that asked for a code, and the code in the email. */
  async function forgetful(): Promise<{ person: Person; client: Suite1Client; code: string; other: Suite1Client }> {
    const person = newPerson();
    const other = await register(server, person);
    const client = await Suite1Client.handshake(server);
    expectDone(await forgot(client, person.email));
    return { person, client, other, code: await codeFromMailbox(server.dataDir, person.email) };
  }

  async function expectNewPassword(person: Person, password: string): Promise<void> {
    const client = await Suite1Client.handshake(server);
    expectFailure(await client.call('/login_user', { ...person }), 201, 'Password is wrong');
    expectDone(await client.call('/login_user', { ...person, password }));
  }

  await t.test('the code in the email, and in the log, sets a password once, without logging in', async () => {
    const { person, client, code } = await forgetful();
    assert.match(code, /^[A-Z0-9]{6}$/);
    // The log line follows the file.
    await eventually('the code in the log', () => server.stdout.includes(code) || undefined);
    expectFailure(await finish(client), 201, 'Invalid session');
    expectDone(await confirm(client, code.toLowerCase()));
    expectFailure(await finish(client, 'bad'), 201, 'Password format not corrected');
    const password = newPassword();
    expectDone(await finish(client, password));
    expectFailure(await client.encrypt(person.username, 'x'), 201, 'No authorization');
    expectFailure(await finish(client), 201, 'Invalid session');
    await expectSpent(client, code, { ...person, password });
    await expectNewPassword(person, password);
  });

  async function expectSpent(client: Suite1Client, code: string, person: Person): Promise<void> {
    const { status, error } = await confirm(client, code);
    assert.equal(status, 201);
    assert.match(error ?? '', /^Invalid (code|session)$/);
    expectFailure(await finish(client), 201, 'Invalid session');
    await logIn(server, person);
  }

  await t.test('four wrong codes are allowed', async () => {
    const { client, code } = await forgetful();
    for (const wrong of wrongCodes(code, 4)) expectFailure(await confirm(client, wrong), 201, 'Invalid code');
    expectFailure(await finish(client), 201, 'Invalid session');
    expectDone(await confirm(client, code));
    expectDone(await finish(client));
  });

  await t.test('five wrong codes end the recovery, lost responses included; a new one can be started', async () => {
    const { person, client, code } = await forgetful();
    for (const wrong of ['', `${code}A`, code.slice(1)]) {
      expectFailure(await confirm(client, wrong), 201, 'Invalid code');
    }
    for (const wrong of wrongCodes(code, 2)) {
      const answer = await client.callAndLoseResponse('/confirm_forgot_password', { code: wrong });
      assert.equal(answer.error, 'Invalid code');
    }
    await expectSpent(client, code, person);
    expectDone(await forgot(client, person.email));
    expectDone(await confirm(client, await codeFromMailbox(server.dataDir, person.email, [code])));
  });

  await t.test('twelve codes at once are no more than five tries', async () => {
    const { person, client, code } = await forgetful();
    const guesses = wrongCodes(code, 12).map((wrong) => confirm(client.fork(), wrong));
    for (const { status } of await Promise.all(guesses)) assert.equal(status, 201);
    await expectSpent(client, code, person);
  });

  await t.test('a code is valid only in the session that asked for it', async () => {
    const { client, code } = await forgetful();
    const other = await Suite1Client.handshake(server);
    expectFailure(await confirm(other, code), 201, 'Invalid session');
    expectFailure(await finish(other), 201, 'Invalid session');
    const third = await Suite1Client.handshake(server);
    expectDone(await forgot(third, newPerson().email));
    expectFailure(await confirm(third, code), 201, 'Invalid code');
    expectDone(await confirm(client, code));
  });

  await t.test('unknown email: returns the same response and sends no email', async () => {
    const client = await Suite1Client.handshake(server);
    const unknown = newPerson().email;
    expectDone(await forgot(client, unknown));
    expectFailure(await confirm(client, 'ABCDEF'), 201, 'Invalid code');
    // An email that was requested later has arrived.
    await forgetful();
    assert.deepEqual(await mailboxOf(server.dataDir, unknown), []);
  });

  await t.test('a new password ends the lock and resets the count', async () => {
    const { person, client, code } = await forgetful();
    const wrong = () => client.call('/login_user', { ...person, password: 'wrong' });
    for (let attempt = 1; attempt <= 5; attempt++) expectFailure(await wrong(), 201, 'Password is wrong');
    expectFailure(await client.call('/login_user', { ...person }), 202, 'Account block. Change the password!');
    expectDone(await confirm(client, code));
    const password = newPassword();
    expectDone(await finish(client, password));
    for (let attempt = 1; attempt <= 4; attempt++) expectFailure(await wrong(), 201, 'Password is wrong');
    expectDone(await client.call('/login_user', { ...person, password }));
  });

  await t.test("a new password ends the user's other sessions and keeps their ciphertexts readable", async () => {
    const { person, client, code, other } = await forgetful();
    const ciphertext = expectMessage(await other.encrypt(person.username, 'from before'));
    expectDone(await confirm(client, code));
    const password = newPassword();
    expectDone(await finish(client, password));
    expectRefused(await other.decrypt(ciphertext), 404);
    const again = await logIn(server, { ...person, password });
    assert.equal(expectMessage(await again.decrypt(ciphertext)), 'from before');
  });

  await t.test('a recovery continues after a restart and after a crash', async () => {
    const { person, client, code } = await forgetful();
    await server.stop();
    await server.start();
    expectDone(await confirm(client, code));
    await server.kill();
    await server.start();
    const password = newPassword();
    expectDone(await finish(client, password));
    await expectNewPassword(person, password);
  });
});
