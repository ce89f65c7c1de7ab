/** An account is locked after five wrong passwords in a row, wherever they are given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectDelivered, expectDone, expectFailure } from './support/expect.ts';
import { logIn, newPassword, newPerson, type Person, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { type Answer, Suite1Client } from './support/suite1Client.ts';

const LOCKED = 'Account block. Change the password!';
const WRONG = 'Password is wrong';

const guess = (client: Suite1Client, { email }: Person): Promise<Answer> =>
  client.call('/login_user', { email, password: newPassword() });

const logInAgain = (client: Suite1Client, { email, password }: Person): Promise<Answer> =>
  client.call('/login_user', { email, password });

test('the lock', async (t) => {
  const server = await startServer(t);

  await t.test('five wrong passwords at login lock; the right one does not open', async () => {
    const person = newPerson();
    await register(server, person);
    const client = await Suite1Client.handshake(server);
    for (let attempt = 1; attempt <= 5; attempt++) expectFailure(await guess(client, person), 201, WRONG);
    expectFailure(await guess(client, person), 202, LOCKED);
    expectFailure(await logInAgain(client, person), 202, LOCKED);
    const elsewhere = await Suite1Client.handshake(server);
    expectFailure(await logInAgain(elsewhere, person), 202, LOCKED);
    expectFailure(await elsewhere.encrypt(person.username, 'not logged in'), 201, 'No authorization');
  });

  await t.test('the e-mail in another case is the same account', async () => {
    const person = newPerson();
    await register(server, person);
    const client = await Suite1Client.handshake(server);
    for (let attempt = 1; attempt <= 5; attempt++) {
      const email = attempt % 2 ? person.email.toUpperCase() : person.email;
      expectFailure(await guess(client, { ...person, email }), 201, WRONG);
    }
    expectFailure(await logInAgain(client, person), 202, LOCKED);
  });

  await t.test('a right password resets the count', async () => {
    const person = newPerson();
    const client = await register(server, person);
    for (let round = 1; round <= 2; round++) {
      for (let attempt = 1; attempt <= 4; attempt++) expectFailure(await guess(client, person), 201, WRONG);
      expectDone(await logInAgain(client, person));
    }
  });

  await t.test(
    'wrong passwords to change_username and change_password count, and the lock holds there too',
    async () => {
      const person = newPerson();
      const client = await register(server, person);
      const rename = (password: string) =>
        client.call('/change_username', { new_username: newPerson().username, password });
      const change = (password: string) => client.call('/change_password', { password, new_password: newPassword() });
      expectFailure(await rename(newPassword()), 201, WRONG);
      expectFailure(await rename(newPassword()), 201, WRONG);
      expectFailure(await change(newPassword()), 201, WRONG);
      expectFailure(await change(newPassword()), 201, WRONG);
      expectFailure(await guess(await Suite1Client.handshake(server), person), 201, WRONG);
      expectFailure(await rename(person.password), 202, LOCKED);
      expectFailure(await change(person.password), 202, LOCKED);
      expectFailure(await logInAgain(await Suite1Client.handshake(server), person), 202, LOCKED);
    },
  );

  await t.test('malformed e-mails and current passwords are not counted', async () => {
    const person = newPerson();
    const client = await register(server, person);
    for (let attempt = 1; attempt <= 6; attempt++) {
      const login = { email: `${person.email} `.repeat(2), password: newPassword() };
      expectFailure(await client.call('/login_user', login), 201, 'Email format not corrected');
      const rename = { new_username: newPerson().username, password: 'short' };
      expectFailure(await client.call('/change_username', rename), 201, 'Password format not corrected');
      const change = { password: 'short', new_password: newPassword() };
      expectFailure(await client.call('/change_password', change), 201, 'Password format not corrected');
    }
    for (let attempt = 1; attempt <= 4; attempt++) expectFailure(await guess(client, person), 201, WRONG);
    expectDone(await logInAgain(client, person));
  });

  await t.test('an e-mail that nobody has locks alike', async () => {
    const client = await Suite1Client.handshake(server);
    const nobody = newPerson();
    for (let attempt = 1; attempt <= 5; attempt++) expectFailure(await guess(client, nobody), 201, WRONG);
    expectFailure(await guess(client, nobody), 202, LOCKED);
    expectFailure(await guess(await Suite1Client.handshake(server), nobody), 202, LOCKED);
    expectFailure(await guess(client, newPerson()), 201, WRONG);
  });

  for (const known of [true, false]) {
    await t.test(`twelve wrong passwords at once for ${known ? 'a user' : 'nobody'} slip nothing past it`, async () => {
      const person = newPerson();
      if (known) await register(server, person);
      const clients = await Promise.all(Array.from({ length: 12 }, () => Suite1Client.handshake(server)));
      const answers = await Promise.all(clients.map((client) => guess(client, person)));
      const sentences = answers.map(({ status, error }) => `${status} ${error}`).sort();
      assert.deepEqual(sentences, [...Array(5).fill(`201 ${WRONG}`), ...Array(7).fill(`202 ${LOCKED}`)]);
      expectFailure(await logInAgain(await Suite1Client.handshake(server), person), 202, LOCKED);
    });
  }

  await t.test('twelve right passwords at once lock nobody out', async () => {
    const person = newPerson();
    await register(server, person);
    const clients = await Promise.all(Array.from({ length: 12 }, () => Suite1Client.handshake(server)));
    for (const answer of await Promise.all(clients.map((client) => logInAgain(client, person)))) expectDone(answer);
  });

  await t.test('the lock holds over a restart, and others are not locked', async () => {
    const [locked, free] = [newPerson(), newPerson()];
    await register(server, locked);
    await register(server, free);
    const client = await Suite1Client.handshake(server);
    for (let attempt = 1; attempt <= 5; attempt++) expectFailure(await guess(client, locked), 201, WRONG);
    await server.stop();
    await server.start();
    expectFailure(await logInAgain(client, locked), 202, LOCKED);
    const other = await logIn(server, free);
    await expectDelivered(other, other, free.username);
  });
});
