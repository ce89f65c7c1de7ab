// Parsing of the common options.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseServerUrl, readCommonOptions } from './commonOptions.ts';
import { UsageError } from './errors.ts';
import { findStateFolder } from './state/state.ts';

const FINGERPRINT = '02Ygnc7J-_QFicP0Mr3I9XROhhgJ4axEBwaePggTPhg';

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vws-options-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('server: the option, else the variable, else the last login, else the local server', async (t) => {
  const state = newFolder(t);
  const environment = { VWS_STATE_DIR: state, VWS_SERVER: 'http://variable:1' };
  assert.equal(readCommonOptions({}, { environment: { VWS_STATE_DIR: state } }).url, 'http://127.0.0.1:5000');
  await readCommonOptions({}, { environment }).state.saveServer('https://last.example.org');
  assert.equal(readCommonOptions({}, { environment: { VWS_STATE_DIR: state } }).url, 'https://last.example.org');
  assert.equal(readCommonOptions({}, { environment }).url, 'http://variable:1');
  assert.equal(readCommonOptions({ server: 'http://option:2/' }, { environment }).url, 'http://option:2');
});

test('addresses that are invalid or contain a password are rejected', () => {
  assert.equal(parseServerUrl('--server', 'https://VWS.example.org/sub/'), 'https://vws.example.org/sub');
  const wrong = ['vws.example.org', '', 'ftp://a', 'file:///a', 'https://u:p@a', 'https://a/?b', 'https://a/#b'];
  for (const text of wrong) assert.throws(() => parseServerUrl('--server', text), UsageError, text);
});

test('--pin must be a fingerprint and needs suite 2; --timeout must be a number of seconds', (t) => {
  const environment = { VWS_STATE_DIR: newFolder(t) };
  const read = (values: Parameters<typeof readCommonOptions>[0]) => readCommonOptions(values, { environment });
  assert.equal(read({ pin: ` ${FINGERPRINT}\n` }).pin, FINGERPRINT);
  assert.equal(read({ timeout: '0.5' }).timeoutMs, 500);
  for (const pin of [FINGERPRINT.slice(1), `${FINGERPRINT}A`, FINGERPRINT.replace('_', '!')]) {
    assert.throws(() => read({ pin }), UsageError, pin);
  }
  assert.throws(() => read({ pin: FINGERPRINT, suite1: true }), UsageError);
  for (const timeout of ['0', '-1', 'x', '1e9', 'NaN']) assert.throws(() => read({ timeout }), UsageError, timeout);
});

test('state folder: the option, else the variable, else the XDG folder, else the home folder', () => {
  const variables = { VWS_STATE_DIR: '/of/variable', XDG_STATE_HOME: '/xdg' };
  assert.equal(findStateFolder('/of/option', variables), '/of/option');
  assert.equal(findStateFolder(undefined, variables), '/of/variable');
  assert.equal(findStateFolder(undefined, { XDG_STATE_HOME: '/xdg' }), '/xdg/vws');
  for (const environment of [{}, { XDG_STATE_HOME: 'relative' }, { XDG_STATE_HOME: '' }]) {
    assert.match(findStateFolder(undefined, environment), /^\/.*\/\.local\/state\/vws$/);
  }
});
