// Device tokens of the SDK: kept from responses, sent with the next login.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHarness, createMemoryStorage, PASSWORD } from '../../test/support/client/harness.ts';
import { DeviceTokens } from './deviceTokens.ts';

const [ALICE, BOB] = ['alice@example.org', 'bob@example.org'];

test('a token is sent with later logins and recoveries of its account, also in another session', async () => {
  const { server, connect } = await createHarness();
  const deviceStorage = createMemoryStorage();
  const tokensSent = () => server.executions.map(({ fields }) => fields.device_token);
  const vws = await connect({ deviceStorage });
  server.answer = () => ({ status: 200, json: { device_token: 'token 1' } });
  await vws.login({ email: ALICE, password: PASSWORD });
  server.answer = () => ({ status: 200, json: { device_token: 'token 2' } });
  await vws.login({ email: ` ${ALICE.toUpperCase()}`, password: PASSWORD });
  server.answer = () => ({ status: 200, json: {} });
  await vws.logOut();
  const later = await connect({ deviceStorage });
  await later.login({ email: ALICE, password: PASSWORD });
  await later.requestPasswordReset(ALICE);
  await later.login({ email: BOB, password: PASSWORD });
  assert.deepEqual(tokensSent(), [undefined, 'token 1', undefined, 'token 2', 'token 2', undefined]);
});

test('without a storage, tokens are kept in memory', async () => {
  const { server, connect } = await createHarness();
  const vws = await connect();
  server.answer = () => ({ status: 200, json: { device_token: 'a token' } });
  await vws.login({ email: ALICE, password: PASSWORD });
  await vws.login({ email: ALICE, password: PASSWORD });
  assert.deepEqual(
    server.executions.map(({ fields }) => fields.device_token),
    [undefined, 'a token'],
  );
});

test('calls made before a login has finished stay in order', async () => {
  const { server, connect } = await createHarness();
  const vws = await connect({ deviceStorage: createMemoryStorage() });
  server.answer = () => ({ status: 200, json: { device_token: 'a token', username: 'alice', email: ALICE } });
  await Promise.all([vws.login({ email: ALICE, password: PASSWORD }), vws.getAccount()]);
  assert.deepEqual(
    server.executions.map(({ path }) => path),
    ['/login_user', '/account'],
  );
});

test('the token of a confirmed registration is kept under the address of the account', async () => {
  const { server, connect } = await createHarness();
  const vws = await connect();
  server.answer = () => ({ status: 200, json: { next: 'confirm_email' } });
  assert.deepEqual(await vws.register({ username: 'alice', email: ALICE, password: PASSWORD }), {
    next: 'confirm_email',
  });
  server.answer = () => ({ status: 200, json: { email: ALICE, device_token: 'a token' } });
  await vws.confirmRegistration('AB12CD');
  await vws.login({ email: ALICE, password: PASSWORD });
  assert.deepEqual(
    server.executions.map(({ path, fields }) => [path, fields.code, fields.device_token]),
    [
      ['/register_user', undefined, undefined],
      ['/confirm_registration', 'AB12CD', undefined],
      ['/login_user', undefined, 'a token'],
    ],
  );
});

test('a server that wants another step after a registration is not understood', async () => {
  const { server, connect } = await createHarness();
  const vws = await connect();
  server.answer = () => ({ status: 200, json: { next: 'confirm_phone' } });
  await assert.rejects(vws.register({ username: 'alice', email: ALICE, password: PASSWORD }), { code: 'bad_answer' });
});

test('after a change of the email address, the token is sent with the new one, also in another session', async () => {
  const { server, connect } = await createHarness();
  const deviceStorage = createMemoryStorage();
  const vws = await connect({ deviceStorage });
  server.answer = () => ({ status: 200, json: { device_token: 'a token' } });
  await vws.login({ email: ALICE, password: PASSWORD });
  server.answer = () => ({ status: 200, json: { email: 'Alicia@example.org', former_email: ALICE } });
  await vws.confirmChangeEmail('AB12CD');
  server.answer = () => ({ status: 200, json: {} });
  const later = await connect({ deviceStorage });
  for (const email of [ALICE, 'alicia@example.org']) await later.login({ email, password: PASSWORD });
  const tokens = server.executions.slice(-2).map(({ fields }) => fields.device_token);
  assert.deepEqual(tokens, [undefined, 'a token']);
});

test('moving a token between spellings of one address keeps it', async () => {
  const tokens = await DeviceTokens.load(undefined);
  await tokens.keep('one', ALICE, 'a token');
  await tokens.move('one', ALICE, ALICE.toUpperCase());
  await tokens.move('one', BOB, 'other@example.org');
  assert.deepEqual(tokens.fieldFor('one', ALICE), { device_token: 'a token' });
  assert.deepEqual(tokens.fieldFor('one', 'other@example.org'), {});
});

test('a server gets no token of another server', async () => {
  const tokens = await DeviceTokens.load(undefined);
  await tokens.keep('one', ALICE, 'a token');
  assert.deepEqual(tokens.fieldFor('one', ALICE), { device_token: 'a token' });
  assert.deepEqual(tokens.fieldFor('other', ALICE), {});
});

test('a storage that fails, or holds something else, is ignored', async () => {
  for (const text of ['', 'null', '[1]', '{', '{"one alice@example.org":7}']) {
    const storage = createMemoryStorage(text);
    const tokens = await DeviceTokens.load(storage);
    assert.deepEqual(tokens.fieldFor('one', ALICE), {}, text);
    storage.failures.push(new Error('full'));
    await tokens.keep('one', ALICE, 'a token');
    assert.deepEqual(tokens.fieldFor('one', ALICE), { device_token: 'a token' });
    assert.equal(storage.text, text);
  }
});

test('two programs with one storage keep the tokens of both', async () => {
  const storage = createMemoryStorage();
  const [one, other] = [await DeviceTokens.load(storage), await DeviceTokens.load(storage)];
  await one.keep('server', ALICE, 'token a');
  await other.keep('server', BOB, 'token b');
  assert.deepEqual(JSON.parse(storage.text ?? ''), { [`server ${ALICE}`]: 'token a', [`server ${BOB}`]: 'token b' });
});
