// Both suites on one server: shared accounts and messages, disabling suite 1, downgrade protection.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { expectDone, expectFailure, expectMessage } from './support/expect.ts';
import { codeFromMailbox, mailboxOf, takeRegistrationCode } from './support/mail.ts';
import { logIn, newPassword, newPerson, type Person, register, registerSuite2 } from './support/people.ts';
import { type Settings, startServer, type TestServer } from './support/server.ts';
import { type HttpResponse, post, publicKeyPem, Suite1Client } from './support/suite1Client.ts';
import { checkIntroduction, type Introduction, Suite2Client, type Suite2Response } from './support/suite2Client.ts';

const DOWNGRADE_REFUSED = 'This account needs a newer client';

interface Description extends Introduction {
  readonly suites: readonly number[];
}

const describeServer = async ({ url }: TestServer): Promise<Description> =>
  (await (await fetch(`${url}/.well-known/vws`)).json()) as Description;

function expectProblem({ status, json }: Suite2Response, code: string, expectedStatus: number): void {
  assert.deepEqual([json.code, status], [code, expectedStatus]);
}

function expectFields(answer: Suite2Response, fields: object = {}): void {
  assert.deepEqual([answer.status, answer.json], [200, fields]);
}

/** Success of a login. */
function expectToken({ status, json: { device_token, ...others } }: Suite2Response): void {
  assert.deepEqual([status, others], [200, {}]);
  assert.match(String(device_token), /^[\w-]{43}$/);
}

async function register2(server: TestServer, person: Person): Promise<Suite2Client> {
  const client = await Suite2Client.handshake(server);
  const { status, json } = await registerSuite2(client, server, person);
  assert.deepEqual([status, json.email], [200, person.email]);
  assert.match(String(json.device_token), /^[\w-]{43}$/);
  return client;
}

async function logIn2(server: TestServer, { email, password }: Person): Promise<Suite2Client> {
  const client = await Suite2Client.handshake(server);
  expectToken(await client.call('/login_user', { email, password }));
  return client;
}

/** An unsealed problem of suite 2. */
function expectUnsealed({ status, contentType, text }: HttpResponse, code: string, expectedStatus: number): void {
  assert.deepEqual([status, contentType], [expectedStatus, 'application/problem+json'], text);
  assert.equal((JSON.parse(text) as { code: string }).code, code);
}

/** The settings of another server on the same data. */
function placeOf({ dataDir, databaseUrl }: TestServer): Settings {
  return { DATA_DIR: dataDir, ...(databaseUrl && { DATABASE_URL: databaseUrl }) };
}

test('the identity of a server survives a crash', async (t) => {
  const server = await startServer(t);
  const description = await describeServer(server);
  assert.deepEqual(Object.keys(description).sort(), [
    'descriptor',
    'features',
    'identity',
    'limits',
    'signature',
    'suites',
  ]);
  assert.deepEqual(description.suites, [1, 2]);
  checkIntroduction(description);
  assert.match(server.stderr, new RegExp(`^  fingerprint ${description.identity} `, 'm'));
  const client = await Suite2Client.handshake(server, description.identity);
  const person = newPerson();
  await client.call('/register_user', { ...person });
  const code = await takeRegistrationCode(server.dataDir, person.email);
  const request = client.prepare('/confirm_registration', { code }, { kem: true });
  const lost = await client.transmit(request);
  await server.kill();
  await server.start();
  assert.deepEqual(await describeServer(server), description);
  const answer = await client.resend();
  assert.deepEqual([answer.text, answer.status], [lost.text, 200]);
  assert.equal((await client.call('/account')).status, 200);
  await Suite2Client.handshake(server, description.identity);
});

test('the identity key can be configured', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const fingerprint = publicKey.export({ format: 'jwk' }).x;
  const server = await startServer(t, { VWS_IDENTITY_KEY: pem });
  assert.equal((await describeServer(server)).identity, fingerprint);
  const client = await Suite2Client.handshake(server, fingerprint);
  assert.equal((await client.call('/log_out')).status, 401);
  assert.ok(!server.stdout.includes('PRIVATE') && !server.stderr.includes('PRIVATE'));
});

test('suite 2', async (t) => {
  const server = await startServer(t);

  await t.test('all endpoints, and messages between the suites in both directions', async () => {
    const [ada, bob] = [newPerson(), newPerson()];
    const client = await register2(server, ada);
    expectFields(await client.call('/account', {}, { kem: true }), { username: ada.username, email: ada.email });

    // Messages between the suites.
    const existing = await register(server, bob);
    const before = Date.now();
    const sent = await client.call('/encrypt', { username: bob.username.toUpperCase(), message: 'Grüße' });
    assert.equal(expectMessage(await existing.decrypt(String(sent.json.message))), 'Grüße');
    const ciphertext = expectMessage(await existing.encrypt(ada.username, 'zurück'));
    const { json } = await client.call('/decrypt', { message: ciphertext }, { kem: true });
    const { sent_at: sentAt, sender_id: senderId, ...decrypted } = json;
    assert.deepEqual(decrypted, { message: 'zurück', sender: bob.username, sender_now: bob.username });
    assert.match(String(senderId), /^[0-9a-f]{32}$/);
    assert.ok(Number(sentAt) >= before && Number(sentAt) <= Date.now());
    expectDone(await existing.call('/change_username', { new_username: `${bob.username}-2`, password: bob.password }));
    const renamed = (await client.call('/decrypt', { message: ciphertext })).json;
    assert.deepEqual([renamed.sender, renamed.sender_now], [bob.username, `${bob.username}-2`]);

    // The sealed name counts, not the one in the path.
    const { username } = ada;
    const elsewhere = client.prepare('/encrypt', { username, message: 'x' }, { sentTo: `/encrypt/${bob.username}-2` });
    const { message } = (await client.send(elsewhere)).json;
    assert.equal((await client.call('/decrypt', { message })).json.message, 'x');
    const unnamed = await client.call('/encrypt', { message: 'x' });
    expectProblem(unnamed, 'malformed_request', 400);
    expectProblem(await client.call('/encrypt', { username: 'unknown user', message: 'x' }), 'user_not_found', 404);
    expectProblem(await client.call('/decrypt', { message: 'x' }), 'undecryptable_message', 422);

    // The account and its sessions.
    const third = await logIn2(server, ada);
    const listed = (await client.call('/list_sessions')).json.sessions as { id: string; current: boolean }[];
    assert.equal(listed.length, 2);
    const other = listed.find(({ current }) => !current)?.id;
    expectFields(await client.call('/end_session', { session: other }));
    expectUnsealed(await third.transmit(third.prepare('/account')), 'session_not_found', 404);
    expectProblem(await client.call('/register_user', { ...ada }), 'username_taken', 409);
    const password = newPassword();
    expectProblem(
      await client.call('/change_password', { password, new_password: newPassword() }),
      'invalid_credentials',
      403,
    );
    expectFields(await client.call('/change_password', { password: ada.password, new_password: password }));
    expectFields(await client.call('/log_out'));
    expectProblem(await client.call('/account'), 'not_authenticated', 401);
    expectToken(await client.call('/login_user', { email: ada.email, password }));
    expectFields(await client.call('/end_other_sessions'));
  });

  await t.test('recovery of an account', async () => {
    const person = newPerson();
    const loggedIn = await register2(server, person);
    const client = await Suite2Client.handshake(server);
    expectProblem(await client.call('/confirm_forgot_password', { code: 'ABCDEF' }), 'no_recovery', 409);
    expectFields(await client.call('/forgot_password', { email: person.email }));
    const code = await codeFromMailbox(server.dataDir, person.email);
    expectProblem(await client.call('/confirm_forgot_password', { code: 'wrong!' }), 'invalid_code', 422);
    expectFields(await client.call('/confirm_forgot_password', { code }, { kem: true }));
    const password = newPassword();
    expectFields(await client.call('/final_forgot_password', { new_password: password }));
    expectProblem(await client.call('/account'), 'not_authenticated', 401);
    expectUnsealed(await loggedIn.transmit(loggedIn.prepare('/account')), 'session_not_found', 404);
    await logIn2(server, { ...person, password });
  });

  await t.test('a login with suite 2 does not restrict suite 1 by default', async () => {
    const person = newPerson();
    await register2(server, person);
    await logIn2(server, person);
    await logIn(server, person);
  });

  await t.test('malformed emails and current passwords: problems that are not counted as attempts', async () => {
    const person = newPerson();
    const client = await register2(server, person);
    for (let n = 0; n < 6; n += 1) {
      const login = { email: 'nobody', password: person.password };
      expectProblem(await client.call('/login_user', login), 'invalid_email', 422);
      const rename = { new_username: newPerson().username, password: 'short' };
      expectProblem(await client.call('/change_username', rename), 'password_refused', 422);
      const change = { password: 'short', new_password: newPassword() };
      expectProblem(await client.call('/change_password', change), 'password_refused', 422);
    }
    await logIn2(server, person);
  });

  await t.test('a request that is not executed: an unsealed problem, and the session continues', async () => {
    const client = await Suite2Client.handshake(server);
    const wrong = { ...client.step, root: Buffer.alloc(32) };
    const forged = new Suite2Client(server, wrong, client.identity);
    expectUnsealed(await forged.transmit(forged.prepare('/account')), 'malformed_request', 400);
    const ahead = new Suite2Client(server, { ...client.step, n: 7 }, client.identity);
    expectUnsealed(await ahead.transmit(ahead.prepare('/account')), 'out_of_sync', 409);
    const refused = await post(server, '/create_session_key', JSON.stringify({ suite: 2, kid: 'x' }));
    expectUnsealed(refused, 'handshake_refused', 400);
    expectProblem(await client.call('/account'), 'not_authenticated', 401);
  });
});

test('suite 2 over a rate limit: an unsealed 429, and the session continues', async (t) => {
  const server = await startServer(t, { RATE_RECOVERIES_PER_MINUTE: '1' });
  const client = await Suite2Client.handshake(server);
  const { email } = newPerson();
  expectFields(await client.call('/forgot_password', { email }));
  let limited = await client.transmit(client.prepare('/forgot_password', { email }));
  // A new minute may have begun in between; not twice.
  if (limited.status === 200) {
    await client.resend();
    limited = await client.transmit(client.prepare('/forgot_password', { email }));
  }
  expectUnsealed(limited, 'too_many_requests', 429);
  expectProblem(await client.call('/account'), 'not_authenticated', 401);
});

test('suite 1 disabled: 403, and its sessions continue when it is enabled again', async (t) => {
  const first = await startServer(t);
  const person = newPerson();
  const existing = await register(first, person);
  const session = await logIn2(first, person);
  await first.stop();
  const server = await startServer(t, { ...placeOf(first), VWS_SUITE1: 'off' });
  assert.deepEqual((await describeServer(server)).suites, [2]);

  const handshake = JSON.stringify({ public_key: Buffer.from(publicKeyPem).toString('hex') });
  const request = existing.prepare('/encrypt/somebody', { message: 'x' });
  for (const [path, body] of [
    ['/create_session_key', handshake],
    ['/create_session_key', '{}'],
    [request.path, request.body],
    ['/login_user', JSON.stringify({ session_key: 'unknown' })],
  ] as const) {
    const { status, contentType, text } = await post(server, path, body);
    assert.deepEqual([status, contentType], [403, 'application/json'], path);
    assert.deepEqual(JSON.parse(text), { error: 'This server requires suite 2: use a newer client.' });
  }

  const client = new Suite2Client(server, session.step, session.identity);
  assert.equal((await client.call('/account')).json.username, person.username);
  await logIn2(server, person);

  await server.stop();
  await first.start();
  const again = new Suite1Client(first, existing.keys);
  expectMessage(await again.encrypt(person.username, 'x'));
});

test('downgrade protection', async (t) => {
  const server = await startServer(t, { VWS_DOWNGRADE_PROTECTION: 'on' });

  async function expectDowngradeRefused({ email, password }: Person): Promise<void> {
    const client = await Suite1Client.handshake(server);
    expectFailure(await client.call('/login_user', { email, password }), 201, DOWNGRADE_REFUSED);
    expectFailure(await client.call('/account'), 201, 'No authorization');
  }

  await t.test('an account registered with suite 2: a login with suite 1 is refused', async () => {
    const person = newPerson();
    await register2(server, person);
    await expectDowngradeRefused(person);
  });

  await t.test('an account used with suite 1 only: refused after its first successful login with suite 2', async () => {
    const person = newPerson();
    await register(server, person);
    const client = await Suite2Client.handshake(server);
    const wrong = { email: person.email, password: newPassword() };
    expectProblem(await client.call('/login_user', wrong), 'invalid_credentials', 403);
    await logIn(server, person);
    await logIn2(server, person);
    await expectDowngradeRefused(person);
    await logIn2(server, person);
  });

  await t.test('suite 1 in a known network: the reason, before the password is checked', async () => {
    const person = newPerson();
    await register2(server, person);
    const client = await Suite1Client.handshake(server);
    const guess = (password: string) => client.call('/login_user', { email: person.email, password });
    for (let n = 0; n < 6; n += 1) expectFailure(await guess(newPassword()), 201, DOWNGRADE_REFUSED);
    expectFailure(await guess(person.password), 201, DOWNGRADE_REFUSED);
    await logIn2(server, person);
  });

  await t.test('a recovery with suite 1: the responses of an unknown address, and no mail', async () => {
    const [person, other] = [newPerson(), newPerson()];
    await register2(server, person);
    await register(server, other);
    const client = await Suite1Client.handshake(server);
    expectDone(await client.call('/forgot_password', { email: person.email }));
    expectFailure(await client.call('/confirm_forgot_password', { code: 'ABCDEF' }), 201, 'Invalid code');
    // A mail that was requested later has arrived, so the one that must not exist would have, too.
    expectDone(await (await Suite1Client.handshake(server)).call('/forgot_password', { email: other.email }));
    await codeFromMailbox(server.dataDir, other.email);
    assert.deepEqual(await mailboxOf(server.dataDir, person.email), []);
  });
});
