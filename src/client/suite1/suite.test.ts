// Suite 1 against a fake of the original server.
import assert from 'node:assert/strict';
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { createFakeClock, createMemoryStorage } from '../../../test/support/client/harness.ts';
import { connect, type SessionStorage } from '../index.ts';
import { suite1 } from './suite.ts';

type Suite1Response = { status: number; json: unknown } | 'lost';

function seal(aesKey: string, text: string): string {
  const cipher = createCipheriv('aes-256-ecb', Buffer.from(aesKey, 'hex'), null);
  return Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]).toString('base64');
}

/** A fake of the original server for one session, with responses set by the test. */
function createOldServer(storage?: SessionStorage) {
  const sent: { path: string; body: Record<string, string>; text: string }[] = [];
  const answers: ((next: object) => Suite1Response)[] = [];
  let aesKey = '';
  const newKey = () => randomBytes(32).toString('hex');

  const fetch: typeof globalThis.fetch = async (url, init) => {
    const text = String(init?.body);
    const body = JSON.parse(text);
    const path = new URL(String(url)).pathname;
    sent.push({ path, body, text });
    if (path === '/create_session_key') {
      aesKey = newKey();
      const key = createPublicKey(Buffer.from(body.public_key, 'hex').toString());
      const padding = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
      const ciphertext = publicEncrypt(padding, Buffer.from(aesKey)).toString('hex');
      return Response.json({ ciphertext, session_key: seal(aesKey, 'session 0') });
    }
    const next = newKey();
    const keys = { ciphertext: seal(aesKey, next), session_key: seal(next, `session ${sent.length}`) };
    const answer = answers.shift()?.(keys) ?? { status: 200, json: keys };
    if (answer === 'lost') throw new TypeError('fetch failed');
    if ((answer.json as { ciphertext?: unknown }).ciphertext === keys.ciphertext) aesKey = next;
    return Response.json(answer.json, { status: answer.status });
  };
  return {
    sent,
    answers,
    connect: () => connect('https://old.example.org', { suite: suite1, fetch, clock: createFakeClock(), storage }),
  };
}

describe('suite 1 server', () => {
  test('sentences are mapped to codes', async () => {
    const server = createOldServer();
    const vws = await server.connect();
    for (const [status, error, code] of [
      [201, 'No authorization', 'not_authenticated'],
      [201, 'Username is busy', 'username_taken'],
      [202, 'Account block. Change the password!', 'account_locked'],
      [201, 'User is not found', 'user_not_found'],
      [201, 'Email not found!', 'user_not_found'],
      [201, 'Something new', 'bad_answer'],
    ] as const) {
      server.answers.push((keys) => ({ status, json: { ...keys, error } }));
      await assert.rejects(vws.requestPasswordReset('bob@example.org'), { code, status, message: error });
    }
    await vws.login({ email: 'bob@example.org', password: 'x' });
    server.answers.push((keys) => ({ status: 201, json: { ...keys, error: 'No authorization' } }));
    await assert.rejects(vws.decrypt('text'), { code: 'undecryptable_message' });
  });

  test('a response without keys fails the call; only some codes end the session', async () => {
    const server = createOldServer();
    const vws = await server.connect();
    for (const [status, json, code, sessionLost] of [
      [404, 'Session not found!', 'session_not_found', true],
      [408, 'Session timeout exceeded!', 'session_expired', true],
      [400, { error: 'The field email is missing.' }, 'malformed_request', false],
      [413, { error: 'Too large.' }, 'payload_too_large', false],
      [403, { error: 'A newer client is needed.' }, 'suite1_refused', false],
      [404, '<!doctype html>', 'route_not_found', false],
      [405, '<!doctype html>', 'route_not_found', false],
    ] as const) {
      server.answers.push(() => ({ status, json }));
      await assert.rejects(vws.requestPasswordReset('bob@example.org'), { code, status, sessionLost });
    }
    await vws.requestPasswordReset('bob@example.org');
  });

  test('an unknown endpoint fails the call, and the session continues', async () => {
    const storage = createMemoryStorage();
    const server = createOldServer(storage);
    const vws = await server.connect();
    await vws.login({ email: 'bob@example.org', password: 'x' });
    server.answers.push(() => ({ status: 404, json: '<!doctype html>' }));
    await assert.rejects(vws.getAccount(), { code: 'route_not_found' });
    await vws.requestPasswordReset('bob@example.org');
    await (await server.connect()).requestPasswordReset('bob@example.org');
    assert.deepEqual(
      server.sent.map(({ path }) => path),
      ['/create_session_key', '/login_user', '/account', '/forgot_password', '/forgot_password'],
    );
  });

  test('the same bytes are resent after a missing or invalid response', async () => {
    const server = createOldServer();
    const vws = await server.connect();
    server.answers.push(
      () => 'lost',
      () => ({ status: 503, json: { error: 'Busy.' } }),
      (keys) => ({ status: 200, json: { ...keys, ciphertext: 'AAAA' } }),
      () => ({ status: 200, json: '<html>' }),
    );
    await vws.login({ email: 'bob@example.org', password: 'x' });
    const bodies = server.sent.filter(({ path }) => path === '/login_user').map(({ text }) => text);
    assert.equal(bodies.length, 5);
    assert.equal(new Set(bodies).size, 1);
  });

  test('a restored session resends its pending request first', async () => {
    const storage = createMemoryStorage();
    const server = createOldServer(storage);
    const vws = await server.connect();
    await vws.login({ email: 'bob@example.org', password: 'x' });
    server.answers.push(() => 'lost');
    await assert.rejects(vws.encrypt('Bob Ä', 'text', { deadline: 50 }), { code: 'network' });

    const restored = await server.connect();
    await restored.logOut();
    const [lost, again, next] = server.sent.slice(-3);
    assert.equal(lost?.path, '/encrypt/Bob%20%C3%84');
    assert.deepEqual(Object.keys(lost.body), ['session_key', 'message']);
    assert.equal(again?.text, lost.text);
    assert.equal(next?.path, '/log_out');
  });

  test('a repeated call returns the result of the first', async () => {
    const server = createOldServer();
    const vws = await server.connect();
    server.answers.push(() => 'lost');
    await assert.rejects(vws.requestPasswordReset('bob@example.org', { deadline: 50 }), { code: 'network' });
    await vws.requestPasswordReset('bob@example.org');
    assert.equal(server.sent.length, 3);
  });

  test('usernames that URLs cannot contain: user_not_found', async () => {
    const server = createOldServer();
    const vws = await server.connect();
    for (const name of ['', '.', '..']) await assert.rejects(vws.encrypt(name, ''), { code: 'user_not_found' });
    assert.equal(server.sent.length, 1);
  });

  test('an invalid stored session is not restored', () => {
    assert.equal(suite1.restore({ sessionKey: 'x', aesKey: 'abc' }), undefined);
    assert.equal(suite1.restore({ aesKey: 'ab'.repeat(32) }), undefined);
  });
});
