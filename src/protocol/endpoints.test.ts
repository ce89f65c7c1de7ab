// The table of endpoints.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Endpoint, endpoints, HANDSHAKE_PATH, pathWithoutName } from './endpoints.ts';
import { isSealedResponse, Problem } from './problems.ts';

const all: Endpoint[] = Object.values(endpoints);
const TOKEN_MESSAGES = ['send', 'inspect', 'open', 'finish', 'list_sent', 'revoke', 'extend'].map((verb) =>
  verb === 'list_sent' ? '/list_sent_messages' : `/${verb}_message`,
);

test('the table has the endpoints of existing clients with their fields, and newer ones', () => {
  assert.equal(HANDSHAKE_PATH, '/create_session_key');
  const table = all.map(({ path, fields, response }) => [
    path,
    Object.keys(fields).join(),
    Object.keys(response).join(),
  ]);
  assert.deepEqual(table, [
    ['/register_user', 'username,email,password', ''],
    ['/login_user', 'email,password', ''],
    ['/encrypt/:username', 'message', 'message'],
    ['/decrypt', 'message', 'message'],
    ['/change_username', 'new_username,password', ''],
    ['/change_password', 'password,new_password', ''],
    ['/forgot_password', 'email', ''],
    ['/confirm_forgot_password', 'code', ''],
    ['/final_forgot_password', 'new_password', ''],
    ['/account', '', 'username,email'],
    ['/list_sessions', '', 'sessions'],
    ['/end_session', 'session', ''],
    ['/end_other_sessions', '', ''],
    ['/log_out', '', ''],
    ['/confirm_registration', 'code', 'email,device_token'],
    ['/change_email', 'new_email,password', ''],
    ['/confirm_change_email', 'code', 'email,former_email'],
    ['/delete_account', 'password,username', ''],
    ['/label_session', 'label', ''],
    ['/set_notices', 'login', ''],
    ['/send_message', 'username,locator,body,expires_in,max_opens,receipt', 'message_id,expires_at,recipient_id'],
    [
      '/inspect_message',
      'locator',
      'state,sender,sender_now,sender_id,sent_at,expires_at,opens,max_opens,receipt,last_opened_at,size',
    ],
    ['/open_message', 'locator', 'body,sender,sender_now,sender_id,sent_at,expires_at,opens,max_opens'],
    ['/finish_message', 'locator', ''],
    ['/list_sent_messages', 'cursor', 'messages,next'],
    ['/revoke_message', 'message_id', 'state,opens'],
    ['/extend_message', 'message_id,expires_in', 'expires_at'],
  ]);
});

test('suite 2 returns device tokens, the ids of users, sender and time of a message, and has no name in a path', () => {
  assert.deepEqual(
    all.flatMap(({ path, suite2Response }) => (suite2Response ? [[path, Object.keys(suite2Response)]] : [])),
    [
      ['/register_user', ['next']],
      ['/login_user', ['device_token']],
      ['/encrypt/:username', ['recipient_id']],
      ['/decrypt', ['sender', 'sender_now', 'sender_id', 'sent_at']],
    ],
  );
  for (const endpoint of all) {
    const expected = endpoint.path === '/encrypt/:username' ? '/encrypt' : endpoint.path;
    assert.equal(pathWithoutName(endpoint), expected);
  }
});

test('newer endpoints exist in suite 2 only', () => {
  assert.deepEqual(
    all.flatMap(({ path, suites }) => (suites ? [[path, ...suites]] : [])),
    [
      ['/confirm_registration', 2],
      ['/change_email', 2],
      ['/confirm_change_email', 2],
      ['/delete_account', 2],
      ['/label_session', 2],
      ['/set_notices', 2],
      ...TOKEN_MESSAGES.map((path) => [path, 2]),
    ],
  );
});

test('an endpoint requires a login exactly if not_authenticated is one of its problems', () => {
  for (const { path, access, problems } of all) {
    assert.equal(problems.includes('not_authenticated'), access === 'login', path);
  }
  assert.deepEqual(
    all.filter(({ access }) => access === 'public').map(({ path }) => path),
    [
      '/register_user',
      '/login_user',
      '/forgot_password',
      '/confirm_forgot_password',
      '/final_forgot_password',
      '/confirm_registration',
    ],
  );
});

test('problems of an endpoint’s own rules are responses inside the session', () => {
  for (const { path, problems } of all) {
    for (const code of problems) assert.ok(isSealedResponse(new Problem(code)), `${code} of ${path}`);
  }
});

test('only endpoints that change nothing are repeatable', () => {
  assert.deepEqual(
    all.filter(({ repeatable }) => repeatable).map(({ path }) => path),
    ['/encrypt/:username', '/decrypt', '/account', '/list_sessions', '/list_sent_messages'],
  );
});

test('endpoints with a message take long bodies; only an open is regenerated without being repeatable', () => {
  assert.deepEqual(
    all.filter(({ largeBody }) => largeBody).map(({ path }) => path),
    ['/encrypt/:username', '/decrypt', '/send_message'],
  );
  assert.deepEqual(
    all.filter(({ rebuildsLongAnswers }) => rebuildsLongAnswers).map(({ path }) => path),
    ['/open_message'],
  );
  assert.deepEqual(
    all.filter(({ feature }) => feature === 'token-messages').map(({ path }) => path),
    TOKEN_MESSAGES,
  );
});
