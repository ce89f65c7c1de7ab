/** The table "Failures" of suite 1: each status and sentence, and that the session goes on after it. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { expectDelivered, expectDone, expectFailure, expectMessage, expectRefused } from './support/expect.ts';
import { logIn, newPassword, newPerson, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { type Answer, Suite1Client } from './support/suite1Client.ts';

/** The failure carried new keys: they work, and once they were used the old ones are gone. */
async function expectSessionGoesOn(client: Suite1Client, before: Suite1Client): Promise<void> {
  const answer = await client.call('/confirm_forgot_password', { code: 'ABCDEF' });
  expectFailure(answer, 201, 'Invalid session');
  expectRefused(await before.call('/decrypt', { message: 'x' }), 404);
}

interface Case {
  what: string;
  sentence: string;
  provoke: (client: Suite1Client) => Promise<Answer>;
}

/** Provokes each failure in a session of its own. */
async function checkAll(t: TestContext, cases: Case[], begin: () => Promise<Suite1Client>): Promise<void> {
  for (const { what, sentence, provoke } of cases) {
    await t.test(`${sentence}: ${what}`, async () => {
      const client = await begin();
      const before = client.fork();
      expectFailure(await provoke(client), 201, sentence);
      await expectSessionGoesOn(client, before);
    });
  }
}

describe('failures of suite 1', () => {
  test('201, and the session goes on', async (t) => {
    const server = await startServer(t);
    const [alice, bob] = [newPerson(), newPerson()];
    const forBob = await expectDelivered(await register(server, alice), await register(server, bob), bob.username);

    const strangers: Case[] = [
      { what: 'encrypt', sentence: 'No authorization', provoke: (c) => c.encrypt(bob.username, 'x') },
      { what: 'encrypt for nobody', sentence: 'No authorization', provoke: (c) => c.encrypt('nobody', 'x') },
      { what: 'decrypt', sentence: 'No authorization', provoke: (c) => c.decrypt(forBob) },
      {
        what: 'change_username',
        sentence: 'No authorization',
        provoke: (c) => c.call('/change_username', { new_username: newPerson().username, password: alice.password }),
      },
      {
        what: 'change_password',
        sentence: 'No authorization',
        provoke: (c) => c.call('/change_password', { password: alice.password, new_password: newPassword() }),
      },
      {
        what: 'registering a taken name',
        sentence: 'Username is busy',
        provoke: (c) => c.call('/register_user', { ...newPerson(bob.username) }),
      },
      {
        what: 'registering a taken name in other case',
        sentence: 'Username is busy',
        provoke: (c) => c.call('/register_user', { ...newPerson(bob.username.toUpperCase()) }),
      },
      {
        what: 'registering a taken e-mail',
        sentence: 'Email is busy',
        provoke: (c) => c.call('/register_user', { ...newPerson(), email: bob.email }),
      },
      {
        what: 'registering a taken e-mail in other case',
        sentence: 'Email is busy',
        provoke: (c) => c.call('/register_user', { ...newPerson(), email: bob.email.toUpperCase() }),
      },
      ...['short', 'Aa1_abc', 'abcd_1234', 'ABCD_1234', 'Abcd_efgh', 'Abcd1234', 'Abc_1 34', 'Äbcd_123', ''].map(
        (password) => ({
          what: `registering with ${JSON.stringify(password)}`,
          sentence: 'Password format not corrected',
          provoke: (c: Suite1Client) => c.call('/register_user', { ...newPerson(), password }),
        }),
      ),
      ...['', 'nobody', '@example.org', 'nobody@', 'no body@example.org', 'a@b@example.org'].map((email) => ({
        what: `registering with ${JSON.stringify(email)}`,
        sentence: 'Email format not corrected',
        provoke: (c: Suite1Client) => c.call('/register_user', { ...newPerson(), email }),
      })),
      {
        what: 'registering with the e-mail as the password',
        sentence: 'Password format not corrected',
        provoke: (c) =>
          c.call('/register_user', { ...newPerson(), email: 'some.one@example.org', password: 'some.one@example.org' }),
      },
      {
        what: 'logging in with a wrong password',
        sentence: 'Password is wrong',
        provoke: (c) => c.call('/login_user', { email: bob.email, password: newPassword() }),
      },
      {
        what: 'logging in with an unknown e-mail',
        sentence: 'Password is wrong',
        provoke: (c) => c.call('/login_user', { email: newPerson().email, password: bob.password }),
      },
      {
        what: 'logging in with a password that no rule accepts',
        sentence: 'Password is wrong',
        provoke: (c) => c.call('/login_user', { email: bob.email, password: 'x' }),
      },
      ...['', 'nobody', '@example.org', 'no body@example.org', `${bob.email}@x`].map((email) => ({
        what: `logging in with ${JSON.stringify(email)}`,
        sentence: 'Email format not corrected',
        provoke: (c: Suite1Client) => c.call('/login_user', { email, password: bob.password }),
      })),
      {
        what: 'final without forgot',
        sentence: 'Invalid session',
        provoke: (c) => c.call('/final_forgot_password', { new_password: newPassword() }),
      },
      {
        what: 'confirm without forgot',
        sentence: 'Invalid session',
        provoke: (c) => c.call('/confirm_forgot_password', { code: '' }),
      },
    ];
    await checkAll(t, strangers, () => Suite1Client.handshake(server));

    const damaged = forBob.slice(0, 20) + (forBob[20] === 'A' ? 'B' : 'A') + forBob.slice(21);
    const users: Case[] = [
      { what: 'encrypt', sentence: 'User is not found', provoke: (c) => c.encrypt('nobody', 'x') },
      ...Object.entries({
        "another user's ciphertext": forBob,
        'a ciphertext with one character changed': damaged,
        'half a ciphertext': forBob.slice(0, forBob.length / 2),
        'no ciphertext': 'no ciphertext',
        'an empty text': '',
        'a text outside of Latin-1': '世界 🎬',
      }).map(([what, text]) => ({
        what: `decrypting ${what}`,
        sentence: 'No authorization',
        provoke: (c: Suite1Client) => c.decrypt(text),
      })),
      {
        what: 'renaming to a taken name',
        sentence: 'Username is busy',
        provoke: (c) => c.call('/change_username', { new_username: bob.username, password: alice.password }),
      },
      {
        what: 'renaming',
        sentence: 'Password is wrong',
        provoke: (c) => c.call('/change_username', { new_username: newPerson().username, password: newPassword() }),
      },
      {
        what: 'changing the password',
        sentence: 'Password is wrong',
        provoke: (c) => c.call('/change_password', { password: newPassword(), new_password: newPassword() }),
      },
      ...['', 'short', 'Aa1_abc', 'abcd_1234', 'x'.repeat(257)].flatMap((password) => [
        {
          what: `renaming with the current password ${JSON.stringify(password)}`,
          sentence: 'Password format not corrected',
          provoke: (c: Suite1Client) => c.call('/change_username', { new_username: newPerson().username, password }),
        },
        {
          what: `changing the current password ${JSON.stringify(password)}`,
          sentence: 'Password format not corrected',
          provoke: (c: Suite1Client) => c.call('/change_password', { password, new_password: newPassword() }),
        },
      ]),
      {
        what: 'changing the password to a bad one',
        sentence: 'Password format not corrected',
        provoke: (c) => c.call('/change_password', { password: alice.password, new_password: 'Aa1_abc' }),
      },
    ];
    await checkAll(t, users, () => logIn(server, alice));

    await t.test('a ciphertext damaged for its own user is no ciphertext either', async () => {
      const client = await logIn(server, bob);
      expectFailure(await client.decrypt(damaged), 201, 'No authorization');
      assert.equal(expectMessage(await client.decrypt(forBob)), 'anything');
    });

    await t.test('none of the refused changes has happened', async () => {
      const client = await logIn(server, alice);
      await expectDelivered(client, client, alice.username);
    });

    await t.test('an unknown e-mail and a wrong password say the same, field for field', async () => {
      const client = await Suite1Client.handshake(server);
      const unknown = await client.call('/login_user', { email: newPerson().email, password: bob.password });
      const wrong = await client.call('/login_user', { email: bob.email, password: alice.password });
      const withoutKeys = ({ status, contentType, body }: Answer) => {
        const { error, ciphertext, session_key } = body as Record<string, string>;
        return { status, contentType, error, lengths: [ciphertext?.length, session_key?.length] };
      };
      assert.deepEqual(withoutKeys(unknown), withoutKeys(wrong));
    });
  });

  test('201 Error server: encrypting fails for another reason', async (t) => {
    const server = await startServer(t, { MAX_TEXT_BYTES: '64' });
    const person = newPerson();
    const client = await register(server, person);
    const before = client.fork();
    expectFailure(await client.encrypt(person.username, 'x'.repeat(65)), 201, 'Error server');
    await expectSessionGoesOn(client, before);
    await expectDelivered(client, client, person.username, 'x'.repeat(64));
  });

  test('404: an unknown or used session key', async (t) => {
    const server = await startServer(t);
    const person = newPerson();
    const client = await register(server, person);

    await t.test('unknown keys', async () => {
      for (const sessionKey of ['x'.repeat(400), 'Z'.repeat(399), 'short', '', 'ü'.repeat(400), 'x'.repeat(5_000)]) {
        const stranger = new Suite1Client(server, { ...client.keys, sessionKey });
        expectRefused(await stranger.encrypt(person.username, 'x'), 404);
      }
      const otherCase = client.keys.sessionKey.replace(/[a-z]/gi, (letter) =>
        letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
      );
      expectRefused(await new Suite1Client(server, { ...client.keys, sessionKey: otherCase }).decrypt('x'), 404);
    });

    await t.test('a used key, on every endpoint', async () => {
      const used = client.fork();
      expectMessage(await client.encrypt(person.username, 'one step'));
      expectMessage(await client.encrypt(person.username, 'and one more'));
      expectRefused(await used.call('/register_user', { ...newPerson() }), 404);
      expectRefused(await used.call('/login_user', { email: person.email, password: person.password }), 404);
      expectRefused(await used.encrypt(person.username, 'x'), 404);
      expectRefused(await used.decrypt('x'), 404);
      expectRefused(await used.call('/change_username', { new_username: 'x', password: person.password }), 404);
      expectRefused(await used.call('/change_password', { password: person.password, new_password: 'x' }), 404);
      expectRefused(await used.call('/forgot_password', { email: person.email }), 404);
      expectRefused(await used.call('/confirm_forgot_password', { code: 'ABCDEF' }), 404);
      expectRefused(await used.call('/final_forgot_password', { new_password: 'x' }), 404);
      expectMessage(await client.encrypt(person.username, 'the session itself goes on'));
    });
  });

  test('408: an idle session is gone, one in use is not', async (t) => {
    const idleMilliseconds = 2_000;
    const server = await startServer(t, { SESSION_IDLE_SECONDS: String(idleMilliseconds / 1_000) });
    const [idle, inUse] = [await Suite1Client.handshake(server), await Suite1Client.handshake(server)];
    const idleSince = performance.now();
    let lastUse = performance.now();
    let longestPause = 0;
    // Sessions that wait from the start; one is tried at each turn, so that asking does not keep it alive.
    const waiting = await Promise.all(Array.from({ length: 40 }, () => Suite1Client.handshake(server)));
    let timedOut: Answer | undefined;
    for (const client of waiting) {
      await delay(100);
      expectFailure(await inUse.decrypt('x'), 201, 'No authorization');
      longestPause = Math.max(longestPause, performance.now() - lastUse);
      lastUse = performance.now();
      const answer = await client.decrypt('x');
      if (answer.status === 408) {
        timedOut = answer;
        expectRefused(await client.decrypt('x'), 404);
        break;
      }
      expectFailure(answer, 201, 'No authorization');
    }
    assert.ok(timedOut, 'no idle session timed out');
    expectRefused(timedOut, 408);
    assert.ok(performance.now() - idleSince >= idleMilliseconds, 'it timed out too early');
    assert.notEqual((await idle.decrypt('x')).status, 201);
    assert.ok(longestPause < idleMilliseconds, 'the machine is too slow for this test');
    expectFailure(await inUse.decrypt('x'), 201, 'No authorization');
  });
});

test('passwords and e-mails that the original accepts are accepted', async (t) => {
  const server = await startServer(t);
  const passwords = ['Aa1@aaaa', 'P@ssw0rd', 'zZ9_zZ9_', ...Array.from('@$!%*?&_', (sign) => `Passw0rd${sign}`)];
  for (const password of [...passwords, `Aa1_${'long'.repeat(20)}`]) {
    await t.test(password, async () => {
      const person = { ...newPerson(), password };
      await register(server, person);
      await logIn(server, person);
    });
  }
  await t.test('so are long passphrases of any script', async () => {
    for (const password of [
      'correct horse battery',
      'правильная лошадь',
      '馬東西南北風火山林水土金',
      'Ünsäglich lang!',
    ]) {
      const person = { ...newPerson(), password };
      await register(server, person);
      await logIn(server, person);
    }
  });
  for (const local of ['first.last', 'with-dash', 'under_score', 'with+plus', 'müller', 'Big', '1']) {
    await t.test(local, async () => {
      const person = newPerson();
      const email = `${local}${person.email}`;
      await register(server, { ...person, email });
      await logIn(server, { ...person, email });
      const other = await Suite1Client.handshake(server);
      expectDone(await other.call('/login_user', { email: email.toUpperCase(), password: person.password }));
    });
  }
});
