// Five wrong passwords in a row lock an account, at whichever endpoint they are given.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectDelivered, expectDone, expectFailure } from './support/expect.ts';
import { logIn, newPassword, newPerson, type Person, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { Suite1Client, type Suite1Response } from './support/suite1Client.ts';

const LOCKED = 'Account block. Change the password!';
const WRONG = 'Password is wrong';

const logInIn = (client: Suite1Client, { email, password }: Person): Promise<Suite1Response> =>
  client.call('/login_user', { email, password });
const guess = (client: Suite1Client, person: Person): Promise<Suite1Response> =>
  logInIn(client, { ...person, password: newPassword() });

test('account lock', async (t) => {
  const server = await startServer(t);
  const handshakes = (count: number) =>
    Promise.all(Array.from({ length: count }, () => Suite1Client.handshake(server)));

  await t.test('four wrong passwords, then the right one: logs in and resets the count', async () => {
    const person = newPerson();
    const client = await register(server, person);
    for (let round = 1; round <= 2; round++) {
      for (let attempt = 1; attempt <= 4; attempt++) expectFailure(await guess(client, person), 201, WRONG);
      expectDone(await logInIn(client, person));
    }
  });

  await t.test('wrong passwords at login, change_username and change_password count together', async () => {
    const person = newPerson();
    const client = await register(server, person);
    const rename = (password: string) =>
      client.call('/change_username', { new_username: newPerson().username, password });
    const change = (password: string) => client.call('/change_password', { password, new_password: newPassword() });
    expectFailure(await rename(newPassword()), 201, WRONG);
    expectFailure(await rename(newPassword()), 201, WRONG);
    expectFailure(await change(newPassword()), 201, WRONG);
    expectFailure(await change(newPassword()), 201, WRONG);
    const upperCase = { ...person, email: person.email.toUpperCase() };
    expectFailure(await guess(await Suite1Client.handshake(server), upperCase), 201, WRONG);
    expectFailure(await rename(person.password), 202, LOCKED);
    expectFailure(await change(person.password), 202, LOCKED);
    expectFailure(await logInIn(await Suite1Client.handshake(server), person), 202, LOCKED);
  });

  await t.test('malformed emails and current passwords are not counted', async () => {
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
    expectDone(await logInIn(client, person));
  });

  for (const known of [true, false]) {
    const whose = known ? 'a user' : 'an unknown email';
    await t.test(`twelve wrong passwords at once for ${whose}: five are checked, then the lock holds`, async () => {
      const person = newPerson();
      if (known) await register(server, person);
      const answers = await Promise.all((await handshakes(12)).map((client) => guess(client, person)));
      const sentences = answers.map(({ status, error }) => `${status} ${error}`).sort();
      assert.deepEqual(sentences, [...Array(5).fill(`201 ${WRONG}`), ...Array(7).fill(`202 ${LOCKED}`)]);
      expectFailure(await logInIn(await Suite1Client.handshake(server), person), 202, LOCKED);
    });
  }

  await t.test('twelve correct passwords at once: all log in', async () => {
    const person = newPerson();
    await register(server, person);
    const answers = await Promise.all((await handshakes(12)).map((client) => logInIn(client, person)));
    for (const answer of answers) expectDone(answer);
  });

  await t.test('the lock survives a restart and does not affect other accounts', async () => {
    const [locked, free] = [newPerson(), newPerson()];
    await register(server, locked);
    await register(server, free);
    const client = await Suite1Client.handshake(server);
    for (let attempt = 1; attempt <= 5; attempt++) expectFailure(await guess(client, locked), 201, WRONG);
    await server.stop();
    await server.start();
    expectFailure(await logInIn(client, locked), 202, LOCKED);
    const other = await logIn(server, free);
    await expectDelivered(other, other, free.username);
  });
});
