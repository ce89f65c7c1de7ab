/** Requests that cannot be read: 400, nothing executed, and the session key stays valid. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectDelivered, expectDone, expectFailure, expectMessage, expectUnreadable } from './support/expect.ts';
import { logIn, newPassword, newPerson, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { post, publicKeyPem, Suite1Client, seal } from './support/suite1Client.ts';

type Body = Record<string, unknown>;

/** Each takes a request that would register a user, and spoils it. */
const spoilt: { what: string; spoil: (body: Body, aesKey: string) => unknown }[] = [
  { what: 'a list', spoil: (body) => [body] },
  { what: 'a text', spoil: (body) => JSON.stringify(body) },
  { what: 'a number', spoil: () => 1 },
  { what: 'null', spoil: () => null },
  { what: 'an empty object', spoil: () => ({}) },
  { what: 'a missing session key', spoil: (body) => ({ ...body, session_key: undefined }) },
  { what: 'a session key that is a number', spoil: (body) => ({ ...body, session_key: 400 }) },
  { what: 'a session key in a list', spoil: (body) => ({ ...body, session_key: [body.session_key] }) },
  { what: 'a missing field', spoil: (body) => ({ ...body, password: undefined }) },
  { what: 'a field that is a number', spoil: (body) => ({ ...body, password: 12345678 }) },
  { what: 'a field that is null', spoil: (body) => ({ ...body, password: null }) },
  { what: 'a field that is an object', spoil: (body) => ({ ...body, password: { text: body.password } }) },
  { what: 'a field that is not sealed', spoil: (body) => ({ ...body, password: 'Aa1_plain' }) },
  { what: 'an empty field', spoil: (body) => ({ ...body, password: '' }) },
  {
    what: 'a field sealed with another key',
    spoil: (body) => ({ ...body, password: seal('0'.repeat(64), 'Aa1_abcd') }),
  },
  { what: 'half a block', spoil: (body) => ({ ...body, password: Buffer.alloc(24).toString('base64') }) },
  {
    what: 'sealed bytes that are not UTF-8',
    spoil: (body, key) => ({ ...body, password: seal(key, Buffer.from([0xff])) }),
  },
  { what: 'the last of several fields not opening', spoil: (body) => ({ ...body, username: '****' }) },
];

test('an unreadable request executes nothing and leaves the session as it was', async (t) => {
  const server = await startServer(t);

  for (const { what, spoil } of spoilt) {
    await t.test(what, async () => {
      const person = newPerson();
      const client = await Suite1Client.handshake(server);
      const whole = client.prepare('/register_user', { ...person });
      const body = JSON.stringify(spoil(JSON.parse(whole.body), client.keys.aesKey));
      expectUnreadable(await post(server, whole.path, body));
      expectUnreadable(await post(server, whole.path, body));
      // The name and the e-mail are still free, and the key is still good: the whole request goes through.
      expectDone(await client.send(whole));
      await expectDelivered(client, client, person.username);
    });
  }

  const raw = [
    { what: 'malformed JSON', body: (whole: string) => whole.slice(0, -1) },
    { what: 'text after the JSON', body: (whole: string) => `${whole}}` },
    { what: 'an empty body', body: () => '' },
    { what: 'no JSON at all', body: () => 'session_key=1&password=2' },
  ];
  for (const { what, body } of raw) {
    await t.test(what, async () => {
      const client = await Suite1Client.handshake(server);
      const whole = client.prepare('/register_user', { ...newPerson() });
      expectUnreadable(await post(server, whole.path, body(whole.body)));
      expectDone(await client.send(whole));
    });
  }

  await t.test('on every endpoint', async () => {
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
        expectUnreadable(await post(server, path, JSON.stringify({ ...whole, [name]: undefined })));
        expectUnreadable(await post(server, path, JSON.stringify({ ...whole, [name]: 'not sealed' })));
      }
    }
    await expectDelivered(client, client, person.username);
  });

  await t.test('a spoilt change of the password changes nothing and counts as no attempt', async () => {
    const person = newPerson();
    const client = await register(server, person);
    for (let attempt = 0; attempt < 6; attempt++) {
      const whole = JSON.parse(client.prepare('/change_password', { ...person, new_password: newPassword() }).body);
      expectUnreadable(await post(server, '/change_password', JSON.stringify({ ...whole, new_password: 'spoilt' })));
      const wrong = JSON.parse(client.prepare('/change_password', { password: 'wrong', new_password: 'wrong' }).body);
      expectUnreadable(await post(server, '/change_password', JSON.stringify({ ...wrong, new_password: 'spoilt' })));
    }
    await logIn(server, person);
  });

  await t.test('a session goes on to fail properly after an unreadable request', async () => {
    const client = await Suite1Client.handshake(server);
    expectUnreadable(await post(server, '/decrypt', JSON.stringify({ session_key: client.keys.sessionKey })));
    expectFailure(await client.decrypt('x'), 201, 'No authorization');
  });
});

test('what an existing client may send besides the plain form', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);

  await t.test('unknown fields are ignored', async () => {
    const path = `/encrypt/${person.username}`;
    const extra = { username: 'in the body', extra: 1, nested: { list: [null, true] }, '': '' };
    const ciphertext = expectMessage(await client.send(client.prepare(path, { message: 'with extras' }, extra)));
    assert.equal(expectMessage(await client.decrypt(ciphertext)), 'with extras');
  });

  // The last one is what Java's HttpURLConnection says when it is told nothing.
  for (const contentType of [
    'application/json; charset=utf-8',
    'application/json; utf-8',
    'application/x-www-form-urlencoded',
  ]) {
    await t.test(`the content type ${contentType}`, async () => {
      const request = client.prepare('/decrypt', { message: 'no ciphertext' });
      const answer = await post(server, request.path, request.body, contentType);
      expectFailure(client.accept(request, answer), 201, 'No authorization');
    });
  }

  const lineBreaks = [
    { what: 'LF after 76 characters', breakLines: (text: string) => text.replace(/.{76}/g, '$&\n') },
    { what: 'CRLF after 76 characters', breakLines: (text: string) => text.replace(/.{76}/g, '$&\r\n') },
    { what: 'a final LF', breakLines: (text: string) => `${text}\n` },
  ];
  for (const { what, breakLines } of lineBreaks) {
    await t.test(`base64 with ${what} is accepted or refused, but burns no session`, async () => {
      const text = 'a text that is long enough for more than one line of base64 '.repeat(3);
      const whole = client.prepare(`/encrypt/${person.username}`, { message: text });
      const body = JSON.parse(whole.body) as { message: string };
      const broken = { ...whole, body: JSON.stringify({ ...body, message: breakLines(body.message) }) };
      assert.notEqual(broken.body, whole.body);
      const answer = await client.send(broken);
      if (answer.status === 200) {
        assert.equal(expectMessage(await client.decrypt(expectMessage(answer))), text);
      } else {
        expectUnreadable(answer);
        assert.equal(expectMessage(await client.decrypt(expectMessage(await client.send(whole)))), text);
      }
    });
  }

  await t.test('a public key with unknown fields beside it is no session key', async () => {
    const body = { public_key: Buffer.from(publicKeyPem).toString('hex') };
    expectUnreadable(await post(server, '/login_user', JSON.stringify(body)));
  });
});
