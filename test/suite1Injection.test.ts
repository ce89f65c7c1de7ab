// An attacker who listens to suite 1 without HTTPS and injects requests made of the victim's sealed fields.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectDone, expectFailure, expectMessage } from './support/expect.ts';
import { newPerson, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { post, Suite1Client } from './support/suite1Client.ts';

const WRONG_NAME = 'Username format not corrected';
const BLOCK_BYTES = 16;

/** The fields of a request as the attacker sees them. */
const sealedFields = (body: string) => JSON.parse(body) as Record<string, string>;

test('a sealed password cannot be made the name of the account', async (t) => {
  const server = await startServer(t);
  const victim = newPerson();
  const client = await register(server, victim);
  const attack = async (prepared: { body: string }, fields: (sealed: Record<string, string>) => object) => {
    const sealed = sealedFields(prepared.body);
    const body = JSON.stringify({ session_key: sealed.session_key, ...fields(sealed) });
    return post(server, '/change_username', body);
  };

  // The same ciphertext twice.
  const renaming = { new_username: 'a name of 16 chars and more', password: victim.password };
  const copied = client.prepare('/change_username', renaming);
  const first = await attack(copied, ({ password }) => ({ new_username: password, password }));
  assert.match(first.text, new RegExp(WRONG_NAME));

  // Blocks of two fields, joined.
  const spliced = await attack(copied, ({ new_username = '', password = '' }) => {
    const head = Buffer.from(new_username, 'base64').subarray(0, BLOCK_BYTES);
    return { new_username: Buffer.concat([head, Buffer.from(password, 'base64')]).toString('base64'), password };
  });
  assert.match(spliced.text, new RegExp(WRONG_NAME));
  assert.equal(expectMessage(await client.encrypt(victim.username, 'the name is unchanged')).length > 0, true);

  // The password that the victim is about to set.
  const next = { password: victim.password, new_password: `${newPerson().password}_next` };
  const change = client.prepare('/change_password', next);
  await attack(change, ({ password, new_password }) => ({ new_username: new_password, password }));
  expectFailure(
    client.accept(change, await post(server, change.path, change.body)),
    201,
    'Password format not corrected',
  );
});

test('a new account does not show its password as its name', async (t) => {
  const server = await startServer(t);
  const victim = newPerson();
  const client = await Suite1Client.handshake(server);
  const name = `the ${victim.password}`;
  expectFailure(await client.call('/register_user', { ...victim, username: name }), 201, WRONG_NAME);
  expectDone(await client.call('/register_user', { ...victim }));
});

test('over plain HTTP from another machine: refused, or allowed by VWS_SUITE1=insecure', async (t) => {
  const send = async (server: { url: string }, path: string, body: object, protocol: string) => {
    const headers = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': protocol };
    const response = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, text: await response.text() };
  };
  const handshake = { public_key: 'no key' };
  const request = { session_key: 'x'.repeat(400), message: '' };
  for (const [mode, statuses] of [
    ['on', [403, 403]],
    ['insecure', [404, 404]],
  ] as const) {
    const server = await startServer(t, { VWS_SUITE1: mode, TRUSTED_PROXIES: '127.0.0.1' });
    const answers = [
      await send(server, '/create_session_key', handshake, 'http'),
      await send(server, '/decrypt', request, 'http'),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      statuses,
    );
    if (mode === 'on') assert.match(answers[0]?.text ?? '', /"error":"Suite 1 requires HTTPS/);
    assert.equal((await send(server, '/create_session_key', handshake, 'https')).status, 404);
    assert.equal((await send(server, '/create_session_key', { suite: 2 }, 'http')).status, 200);
  }
});
