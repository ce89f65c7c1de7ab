// Malformed requests: 400, nothing is executed, and the session key stays valid.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectDelivered, expectDone, expectFailure, expectMalformed, expectMessage } from './support/expect.ts';
import { logIn, newPassword, newPerson, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { post, publicKeyPem, Suite1Client, seal } from './support/suite1Client.ts';

type Body = Record<string, unknown>;

/** Each spoils a request that would register a user. */
const spoilers: Record<string, (body: Body, aesKey: string) => unknown> = {
  'a list': (body) => [body],
  'a text': (body) => JSON.stringify(body),
  null: () => null,
  'an empty object': () => ({}),
  'a missing session key': (body) => ({ ...body, session_key: undefined }),
  'a session key in a list': (body) => ({ ...body, session_key: [body.session_key] }),
  'a missing field': (body) => ({ ...body, password: undefined }),
  'a field that is a number': (body) => ({ ...body, password: 12345678 }),
  'a field that is an object': (body) => ({ ...body, password: { text: body.password } }),
  'a field that is not sealed': (body) => ({ ...body, password: 'Aa1_plain' }),
  'an empty field': (body) => ({ ...body, password: '' }),
  'a field sealed with another key': (body) => ({ ...body, password: seal('0'.repeat(64), 'Aa1_abcd') }),
  'half a block': (body) => ({ ...body, password: Buffer.alloc(24).toString('base64') }),
  'sealed bytes that are not UTF-8': (body, key) => ({ ...body, password: seal(key, Buffer.from([0xff])) }),
  'the last of several fields not opening': (body) => ({ ...body, username: '****' }),
};
const rawSpoilers: Record<string, (body: string) => string> = {
  'malformed JSON': (whole) => whole.slice(0, -1),
  'text after the JSON': (whole) => `${whole}}`,
  'an empty body': () => '',
};

test('a malformed request executes nothing and leaves the session unchanged', async (t) => {
  const server = await startServer(t);

  async function expectHarmless(spoil: (whole: string, aesKey: string) => string): Promise<void> {
    const person = newPerson();
    const client = await Suite1Client.handshake(server);
    const whole = client.prepare('/register_user', { ...person });
    const body = spoil(whole.body, client.keys.aesKey);
    expectMalformed(await post(server, whole.path, body));
    expectMalformed(await post(server, whole.path, body));
    // The name, the email and the session key are still available: the unspoiled request succeeds.
    expectDone(await client.send(whole));
  }
  for (const [what, spoil] of Object.entries(spoilers)) {
    await t.test(`${what}: 400`, () =>
      expectHarmless((whole, aesKey) => JSON.stringify(spoil(JSON.parse(whole), aesKey))),
    );
  }
  for (const [what, spoil] of Object.entries(rawSpoilers)) await t.test(`${what}: 400`, () => expectHarmless(spoil));

  await t.test('every endpoint: 400 for each missing or unsealed field', async () => {
    const person = newPerson();
    const client = await register(server, person);
    const fieldsOf: Record<string, string[]> = {
      '/register_user': ['username', 'email', 'password'],
      '/login_user': ['email', 'password'],
      '/encrypt/bob': ['message'],
      '/decrypt': ['message'],
      '/change_username': ['new_username', 'password'],
      '/change_password': ['password', 'new_password'],
      '/forgot_password': ['email'],
      '/confirm_forgot_password': ['code'],
      '/final_forgot_password': ['new_password'],
    };
    for (const [path, names] of Object.entries(fieldsOf)) {
      for (const name of names) {
        const whole = JSON.parse(client.prepare(path, Object.fromEntries(names.map((name) => [name, 'x']))).body);
        expectMalformed(await post(server, path, JSON.stringify({ ...whole, [name]: undefined })));
        expectMalformed(await post(server, path, JSON.stringify({ ...whole, [name]: 'not sealed' })));
      }
    }
    await expectDelivered(client, client, person.username);
  });

  await t.test('a malformed change of the password changes nothing and does not count as an attempt', async () => {
    const person = newPerson();
    const client = await register(server, person);
    for (let attempt = 0; attempt < 6; attempt++) {
      for (const password of [person.password, 'wrong']) {
        const whole = JSON.parse(client.prepare('/change_password', { password, new_password: newPassword() }).body);
        expectMalformed(await post(server, '/change_password', JSON.stringify({ ...whole, new_password: 'spoiled' })));
      }
    }
    await logIn(server, person);
  });
});

test('deviations of existing clients', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);

  await t.test('unknown fields are ignored', async () => {
    const path = `/encrypt/${person.username}`;
    const extra = { username: 'in the body', extra: 1, nested: { list: [null, true] }, '': '' };
    const ciphertext = expectMessage(await client.send(client.prepare(path, { message: 'with extras' }, extra)));
    assert.equal(expectMessage(await client.decrypt(ciphertext)), 'with extras');
  });

  // Java's HttpURLConnection sends the last one by default.
  for (const contentType of ['application/json; utf-8', 'application/x-www-form-urlencoded']) {
    await t.test(`content type ${contentType}: accepted`, async () => {
      const request = client.prepare('/decrypt', { message: 'not a ciphertext' });
      const answer = await post(server, request.path, request.body, contentType);
      expectFailure(client.accept(request, answer), 201, 'No authorization');
    });
  }

  await t.test('base64 with CRLF after 76 characters: accepted', async () => {
    const text = 'a text that is long enough for more than one line of base64 '.repeat(3);
    const whole = client.prepare(`/encrypt/${person.username}`, { message: text });
    const body = JSON.parse(whole.body) as { message: string };
    const message = body.message.replace(/.{76}/g, '$&\r\n');
    const answer = await client.send({ ...whole, body: JSON.stringify({ ...body, message }) });
    assert.equal(expectMessage(await client.decrypt(expectMessage(answer))), text);
  });

  await t.test('a handshake body at another endpoint: 400', async () => {
    const body = { public_key: Buffer.from(publicKeyPem).toString('hex') };
    expectMalformed(await post(server, '/login_user', JSON.stringify(body)));
  });
});
