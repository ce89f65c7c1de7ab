// The failures of suite 1: the status and sentence of each, and whether the session continues after it.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { expectDelivered, expectFailure, expectMessage, expectRefused } from './support/expect.ts';
import { logIn, newPassword, newPerson, register } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { post, Suite1Client, type Suite1Response } from './support/suite1Client.ts';

interface Case {
  readonly what: string;
  readonly sentence: string;
  readonly provoke: (client: Suite1Client) => Promise<Suite1Response>;
}

/** Provokes each failure and checks that its new keys work and that the previous keys are void once these were used. */
async function checkAll(t: TestContext, cases: Case[], begin: () => Promise<Suite1Client>): Promise<void> {
  const client = await begin();
  for (const { what, sentence, provoke } of cases) {
    await t.test(`${what}: 201 ${sentence}`, async () => {
      const before = client.fork();
      expectFailure(await provoke(client), 201, sentence);
      expectFailure(await client.call('/confirm_forgot_password', { code: 'ABCDEF' }), 201, 'Invalid session');
      expectRefused(await before.decrypt('x'), 404);
    });
  }
}

const failure = (sentence: string, what: string, provoke: Case['provoke']): Case => ({ what, sentence, provoke });

test('failures inside a session', async (t) => {
  const server = await startServer(t, { MAX_TEXT_BYTES: '64' });
  const [alice, bob] = [newPerson(), newPerson()];
  const forBob = await expectDelivered(await register(server, alice), await register(server, bob), bob.username);
  const rename = (username: string, password: string) => (c: Suite1Client) =>
    c.call('/change_username', { new_username: username, password });
  const changePassword = (password: string, next: string) => (c: Suite1Client) =>
    c.call('/change_password', { password, new_password: next });
  const registerAs = (changes: object) => (c: Suite1Client) => c.call('/register_user', { ...newPerson(), ...changes });
  const logInAs = (email: string, password: string) => (c: Suite1Client) => c.call('/login_user', { email, password });

  const withoutLogin = [
    failure('No authorization', 'encrypting without a login', (c) => c.encrypt(bob.username, 'x')),
    failure('No authorization', 'encrypting for an unknown user without a login', (c) => c.encrypt('nobody', 'x')),
    failure('No authorization', 'decrypting without a login', (c) => c.decrypt(forBob)),
    failure('No authorization', 'changing a name without a login', rename(newPerson().username, alice.password)),
    failure('No authorization', 'changing a password without a login', changePassword(alice.password, newPassword())),
    failure('Username is busy', 'registering a taken name', registerAs({ username: bob.username.toUpperCase() })),
    failure('Email is busy', 'registering a taken email', registerAs({ email: bob.email.toUpperCase() })),
    failure('Password format not corrected', 'registering a weak password', registerAs({ password: 'Aa1_abc' })),
    failure('Email format not corrected', 'registering a malformed email', registerAs({ email: 'nobody@' })),
    failure('Password is wrong', 'logging in with a wrong password', logInAs(bob.email, newPassword())),
    failure('Password is wrong', 'logging in with an unknown email', logInAs(newPerson().email, bob.password)),
    failure('Password is wrong', 'logging in with a password that no rule accepts', logInAs(bob.email, 'x')),
    ...['', 'nobody', `${bob.email}@x`].map((email) =>
      failure('Email format not corrected', `logging in with the email "${email}"`, logInAs(email, bob.password)),
    ),
    failure('Invalid session', 'setting a password without a recovery', (c) =>
      c.call('/final_forgot_password', { new_password: newPassword() }),
    ),
    failure('Invalid session', 'confirming a code without a recovery', (c) =>
      c.call('/confirm_forgot_password', { code: '' }),
    ),
  ];
  await checkAll(t, withoutLogin, () => Suite1Client.handshake(server));

  const damaged = forBob.slice(0, 20) + (forBob[20] === 'A' ? 'B' : 'A') + forBob.slice(21);
  const loggedIn = [
    failure('User is not found', 'encrypting for an unknown user', (c) => c.encrypt('nobody', 'x')),
    failure('Error server', 'encrypting a text above the limit', (c) => c.encrypt(bob.username, 'x'.repeat(65))),
    ...Object.entries({
      "another user's ciphertext": forBob,
      'a ciphertext with one character changed': damaged,
      'half a ciphertext': forBob.slice(0, forBob.length / 2),
      'an empty text': '',
      'a text outside of Latin-1': '世界 🎬',
    }).map(([what, text]) => failure('No authorization', `decrypting ${what}`, (c) => c.decrypt(text))),
    failure('Username is busy', 'changing to a taken name', rename(bob.username, alice.password)),
    failure('Password is wrong', 'changing a name with a wrong password', rename('unused', newPassword())),
    failure('Password is wrong', 'changing a wrong password', changePassword(newPassword(), newPassword())),
    ...['', 'Aa1_abc', 'x'.repeat(257)].flatMap((password) => {
      const what = `giving a current password of ${password.length} characters to change the`;
      return [
        failure('Password format not corrected', `${what} name`, rename('unused', password)),
        failure('Password format not corrected', `${what} password`, changePassword(password, newPassword())),
      ];
    }),
    failure('Password format not corrected', 'changing to a weak password', changePassword(alice.password, 'Aa1_abc')),
  ];
  await checkAll(t, loggedIn, () => logIn(server, alice));

  await t.test('a refused request changes nothing', async () => {
    const [client, reader] = [await logIn(server, alice), await logIn(server, bob)];
    await expectDelivered(client, client, alice.username, 'x'.repeat(64));
    expectFailure(await reader.decrypt(damaged), 201, 'No authorization');
    assert.equal(expectMessage(await reader.decrypt(forBob)), 'anything');
  });

  await t.test('unknown email: the same response as for a wrong password, field by field', async () => {
    const client = await Suite1Client.handshake(server);
    const unknown = await client.call('/login_user', { email: newPerson().email, password: bob.password });
    const wrong = await client.call('/login_user', { email: bob.email, password: alice.password });
    const withoutKeys = ({ status, contentType, body }: Suite1Response) => {
      const { error, ciphertext, session_key } = body as Record<string, string>;
      return { status, contentType, error, lengths: [ciphertext?.length, session_key?.length] };
    };
    assert.deepEqual(withoutKeys(unknown), withoutKeys(wrong));
  });

  await t.test('refused handshake: 404 Error!', async () => {
    for (const body of ['{}', '{"public_key":"00"}', '{"public_key":17}']) {
      const answer = await post(server, '/create_session_key', body);
      assert.deepEqual([answer.status, answer.text], [404, '"Error!"'], body);
      assert.match(answer.contentType, /^application\/json\b/);
    }
  });

  await t.test('unknown session key: 404 Session not found!', () => checkUnknownKeys(server));
});

async function checkUnknownKeys(server: TestServer): Promise<void> {
  const person = newPerson();
  const client = await register(server, person);
  const otherCase = client.keys.sessionKey.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
  for (const sessionKey of [otherCase, 'Z'.repeat(400), 'short', '', 'ü'.repeat(400), 'x'.repeat(5_000)]) {
    const stranger = new Suite1Client(server, { ...client.keys, sessionKey });
    expectRefused(await stranger.encrypt(person.username, 'x'), 404);
  }
  const used = client.fork();
  expectMessage(await client.encrypt(person.username, 'one step'));
  expectMessage(await client.encrypt(person.username, 'and another one'));
  const password = person.password;
  for (const [path, fields] of Object.entries({
    '/register_user': { ...newPerson() },
    '/login_user': { email: person.email, password },
    [`/encrypt/${person.username}`]: { message: 'x' },
    '/decrypt': { message: 'x' },
    '/change_username': { new_username: 'x', password },
    '/change_password': { password, new_password: 'x' },
    '/forgot_password': { email: person.email },
    '/confirm_forgot_password': { code: 'ABCDEF' },
    '/final_forgot_password': { new_password: 'x' },
  })) {
    expectRefused(await used.call(path, fields), 404);
  }
  expectMessage(await client.encrypt(person.username, 'the session itself continues'));
}

test('idle session: 408 once, then 404', async (t) => {
  const server = await startServer(t, { SESSION_IDLE_SECONDS: '1' });
  const client = await Suite1Client.handshake(server);
  await delay(1_100);
  expectRefused(await client.decrypt('x'), 408);
  expectRefused(await client.decrypt('x'), 404);
});

test('passwords and emails that the original accepts are accepted', async (t) => {
  const server = await startServer(t);
  for (const [password, local] of [
    ['Aa1@aaaa', 'first.last'],
    [`Aa1_${'long'.repeat(20)}`, 'with+plus'],
    ['правильная лошадь', 'müller'],
  ]) {
    const person = { ...newPerson(), password: password ?? '' };
    const email = `${local}${person.email}`;
    await register(server, { ...person, email });
    await logIn(server, { ...person, email: email.toUpperCase() });
  }
});
