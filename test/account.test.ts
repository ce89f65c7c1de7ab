// Managing an account through the SDK, against a real server with the local mailbox.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Vws } from '../src/client/index.ts';
import { expectDone } from './support/expect.ts';
import { codeFromMailbox, codeIn, mailboxOf, takeRegistrationCode } from './support/mail.ts';
import { logIn, newPassword, newPerson, type Person, register, registerVws } from './support/people.ts';
import { eventually } from './support/poll.ts';
import { startServer } from './support/server.ts';
import { Suite1Client } from './support/suite1Client.ts';

test('managing an account', async (t) => {
  const server = await startServer(t);
  const open = (label?: string): Promise<Vws> => connect(server.url, { onFirstUse: () => true, label });

  async function join(label?: string): Promise<{ person: Person; vws: Vws }> {
    const [person, vws] = [newPerson(), await open(label)];
    await registerVws(vws, server, person);
    return { person, vws };
  }

  const subjectsTo = async (email: string) =>
    (await mailboxOf(server.dataDir, email)).map((mail) => /^Subject: (.*)\r?$/m.exec(mail)?.[1]);
  const mailTo = (email: string, subject: string) =>
    eventually(`a mail "${subject}" to ${email}`, async () =>
      (await subjectsTo(email)).includes(subject) ? true : undefined,
    );

  await t.test('registration: the same for a taken address, whose owner gets a mail without a code', async () => {
    const { person } = await join();
    const [first, second] = [newPerson(), { ...newPerson(), email: person.email.toUpperCase() }];
    const results = [];
    for (const wanted of [first, second]) {
      const vws = await open();
      results.push(await vws.register(wanted));
      await assert.rejects(vws.getAccount(), { code: 'not_authenticated' });
      await assert.rejects(vws.confirmRegistration('LOI010'), { code: 'invalid_code', status: 422 });
    }
    assert.deepEqual(results, [{ next: 'confirm_email' }, { next: 'confirm_email' }]);
    await mailTo(person.email, 'VWS: you already have an account');
    assert.ok((await mailboxOf(server.dataDir, person.email)).every((mail) => codeIn(mail) === undefined));
    await assert.rejects((await open()).confirmRegistration('LOI010'), { code: 'no_registration', status: 409 });
    await takeRegistrationCode(server.dataDir, first.email);
    await assert.rejects((await open()).login(first), { code: 'invalid_credentials' });
  });

  await t.test('registration: another session cannot use the code', async () => {
    const [person, vws] = [newPerson(), await open()];
    await vws.register(person);
    const code = await takeRegistrationCode(server.dataDir, person.email);
    const other = await open();
    await other.register({ ...newPerson(), email: person.email });
    await takeRegistrationCode(server.dataDir, person.email);
    await assert.rejects(other.confirmRegistration(code), { code: 'invalid_code' });
    await vws.confirmRegistration(` ${code.toLowerCase()} `);
    assert.deepEqual(await vws.getAccount(), { username: person.username, email: person.email });
  });

  await t.test('email change: login and recovery use the new address', async () => {
    const { person, vws } = await join();
    const { email: newEmail } = newPerson();
    await vws.changeEmail({ newEmail, password: person.password });
    assert.equal((await vws.getAccount()).email, person.email);
    await assert.rejects(vws.confirmChangeEmail('LOI010'), { code: 'invalid_code', status: 422 });
    const code = await codeFromMailbox(server.dataDir, newEmail);
    await vws.confirmChangeEmail(code);
    assert.equal((await vws.getAccount()).email, newEmail);
    await assert.rejects(vws.confirmChangeEmail(code), { code: 'no_email_change', status: 409 });
    await mailTo(person.email, 'VWS: your email address was changed');

    const other = await open();
    await assert.rejects(other.login(person), { code: 'invalid_credentials' });
    await other.requestPasswordReset(newEmail);
    await other.verifyResetCode(await codeFromMailbox(server.dataDir, newEmail, [code]));
    const password = newPassword();
    await other.resetPassword(password);
    await other.login({ email: newEmail, password });
    await mailTo(newEmail, 'VWS: your account was recovered');
  });

  await t.test('deletion: ends all sessions, messages and the name', async () => {
    const [{ person, vws }, { vws: friend }] = [await join(), await join()];
    const second = await open();
    await second.login(person);
    const forFriend = await vws.encrypt((await friend.getAccount()).username, 'hello');
    await assert.rejects(vws.deleteAccount({ ...person, username: 'x' }), { code: 'username_mismatch', status: 422 });
    await vws.deleteAccount(person);
    // The response was received; the session continues without a user.
    await assert.rejects(vws.getAccount(), { code: 'not_authenticated' });
    await assert.rejects(second.getAccount(), { code: 'session_not_found' });
    await assert.rejects(vws.login(person), { code: 'invalid_credentials' });
    await assert.rejects(friend.encrypt(person.username, 'x'), { code: 'user_not_found' });
    assert.equal((await friend.decrypt(forFriend)).sender, null);
    await assert.rejects(vws.register(person), { code: 'username_taken' });
    await registerVws(vws, server, { ...person, username: newPerson().username });
  });

  await t.test('deletion: a lost response is replayed, although the user is gone', async () => {
    const person = newPerson();
    let lost = 0;
    const lossy: typeof fetch = async (...request) => {
      const response = await fetch(...request);
      if (!String(request[0]).endsWith('/delete_account') || lost > 0) return response;
      lost += 1;
      throw new TypeError('the response was lost');
    };
    const vws = await connect(server.url, { onFirstUse: () => true, fetch: lossy });
    await registerVws(vws, server, person);
    await vws.deleteAccount(person);
    assert.equal(lost, 1);
    await assert.rejects(vws.getAccount(), { code: 'not_authenticated' });
  });

  await t.test('labels: set after each login, shown in the list', async () => {
    const { person, vws } = await join('Firefox on Linux');
    const old = await logIn(server, person);
    const command = await open('vws command');
    await command.login(person);
    const labels = (await vws.listSessions()).map(({ label }) => label).sort();
    assert.deepEqual(labels, ['Firefox on Linux', 'Old VWS client', 'vws command']);
    assert.equal((await old.call('/list_sessions')).status, 200);
    await assert.rejects(vws.labelSession('\u202e'), { code: 'invalid_value', status: 422 });
  });

  await t.test('login notices: of new devices by default, of all or no logins if that is chosen', async () => {
    const { person, vws } = await join();
    await assert.rejects(vws.setNotices({ login: 'x' as 'all' }), { code: 'invalid_value' });
    await vws.login(person);
    await (await open()).login(person);
    await mailTo(person.email, 'VWS: login from a new device');
    await vws.setNotices({ login: 'off' });
    await (await open()).login(person);
    await vws.setNotices({ login: 'all' });
    await logIn(server, person);
    await mailTo(person.email, 'VWS: new login');
    assert.equal((await subjectsTo(person.email)).length, 2);
  });

  await t.test('a lock is reported to its owner', async () => {
    const { person } = await join();
    const stranger = await open();
    for (let n = 1; n <= 5; n += 1) {
      await assert.rejects(stranger.login({ ...person, password: newPassword() }), { code: 'invalid_credentials' });
    }
    await mailTo(person.email, 'VWS: your account is locked');
  });

  await t.test('suite 1 is refused unsealed, and its session continues', async () => {
    const { person } = await join();
    const client = await logIn(server, person);
    for (const [path, fields] of [
      ['/change_email', { new_email: 'x@example.org', password: person.password }],
      ['/delete_account', { username: person.username, password: person.password }],
      ['/set_notices', { login: 'all' }],
      ['/confirm_registration', { code: 'ABCDEF' }],
    ] as const) {
      const { status, text } = await client.fork().call(path, fields);
      assert.deepEqual([status, text], [403, '{"error":"This endpoint requires suite 2."}']);
    }
    assert.equal((await client.call('/account')).status, 200);
  });
});

test('mails with codes are limited by mailbox and by asking address', async (t) => {
  await t.test('a tag does not make another mailbox', async (t) => {
    // A quarter for one client.
    const server = await startServer(t, { RATE_RECOVERY_MAILS_PER_HOUR: '8' });
    const email = 'ada+c@example.org';
    await register(server, { ...newPerson(), email });
    const client = await Suite1Client.handshake(server);
    for (const tag of ['', '+a', '+c', '+c']) {
      expectDone(await client.call('/forgot_password', { email: `ada${tag}@example.org` }));
    }
    // Emails leave within a second. The first one is sent since no code is valid, the second one is not.
    await delay(1_500);
    assert.equal((await mailboxOf(server.dataDir, email)).length, 1);
  });

  await t.test('an address cannot mail any number of mailboxes', async (t) => {
    const server = await startServer(t, { RATE_MAILS_PER_HOUR: '2' });
    const client = await Suite1Client.handshake(server);
    for (let n = 1; n <= 2; n += 1) {
      expectDone(await client.call('/forgot_password', { email: newPerson().email }));
    }
    assert.equal((await client.call('/forgot_password', { email: newPerson().email })).status, 429);
  });
});
