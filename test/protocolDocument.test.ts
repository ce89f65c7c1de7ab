// Runs the examples of docs/protocol.md and compares its tables with the code.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { constants, privateDecrypt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { endpoints } from '../src/protocol/endpoints.ts';
import { problems } from '../src/protocol/problems.ts';
import { open, seal, suite1 } from '../src/server/sessions/suites/suite1.ts';
import type { Transaction } from '../src/server/store/store.ts';
import { register } from './support/people.ts';
import { startServer } from './support/server.ts';

const docs = join(import.meta.dirname, '..', 'docs');
const document = readFileSync(join(docs, 'protocol.md'), 'utf8');
const vectors = JSON.parse(readFileSync(join(docs, 'vectors', 'suite1.json'), 'utf8'));
const key = (hex: string) => Buffer.from(hex, 'hex');

describe('the worked example of docs/protocol.md', () => {
  const { handshake, login } = vectors;

  test('the handshake response decrypts to the documented keys', () => {
    const hex = privateDecrypt(
      { key: vectors.rsaPrivateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      Buffer.from(handshake.answer.ciphertext, 'hex'),
    ).toString('ascii');
    assert.equal(hex, handshake.opened.aesKey);
    assert.equal(open(key(hex), handshake.answer.session_key), handshake.opened.sessionKey);
  });

  test('the server accepts its public key', async () => {
    const { session, response } = await suite1.openHandshake({} as Transaction, handshake.request);
    assert.equal(response.status, 200);
    assert.equal(session?.keys.sessionKey.length, handshake.opened.sessionKey.length);
  });

  test('the server decrypts its login', () => {
    const { fields } = suite1.decrypt(key(handshake.opened.aesKey), {
      endpoint: endpoints.loginUser,
      sessionKey: login.request.session_key,
      body: login.request,
      bytes: [],
      address: '',
      recipientNames: [],
    });
    assert.deepEqual(fields, login.fields);
  });

  test('the login response contains the next keys', () => {
    const next = open(key(handshake.opened.aesKey), login.answer.ciphertext);
    assert.equal(next, login.opened.aesKey);
    assert.equal(open(key(login.opened.aesKey), login.answer.session_key), login.opened.sessionKey);
  });

  test('seal() produces the sealed fields of the vectors', () => {
    for (const { aesKey, text, sealed } of vectors.fields) assert.equal(seal(key(aesKey), text), sealed);
  });

  test('every value in the text is a value of the vectors, or a prefix of one', () => {
    const whole = JSON.stringify(vectors);
    const example = document.slice(document.indexOf('## Worked example'), document.indexOf('\n# Suite 2\n'));
    const values = [...example.matchAll(/(?:"|`)([A-Za-z0-9+/=]{16,})(…?)/g)].map((match) => match[1] ?? '');
    assert.ok(values.length >= 10, 'the pattern finds the values');
    for (const value of values) assert.ok(whole.includes(value), `${value} is in the vectors`);
  });
});

describe('docs/protocol.md matches the code', () => {
  test('lists every endpoint with its fields', () => {
    for (const { path, fields } of Object.values(endpoints)) {
      const row = document
        .split('\n')
        .find((line) => line.startsWith(`| \`${path.replace(':username', '<username>')}\``));
      assert.ok(row, path);
      for (const field of Object.keys(fields)) assert.ok(row.includes(`\`${field}\``), `${path} ${field}`);
    }
  });

  test('lists every sentence of suite 1 with its status', () => {
    for (const { suite1: form } of Object.values(problems)) {
      if (form.kind === 'refusal') continue;
      const rows = document.split('\n').filter((line) => line.includes(form.sentence));
      assert.ok(
        rows.some((line) => line.includes(String(form.status))),
        `${form.status} ${form.sentence}`,
      );
    }
  });
});

describe('the suite 2 client in docs/protocol.md', () => {
  test('encrypts and decrypts a message with a real server', async (t) => {
    const server = await startServer(t);
    await register(server, { username: 'ada', email: 'ada@example.org', password: 'Secret_2026' });
    const [, program = ''] = /```js\n(.*?)```/s.exec(document) ?? [];
    const { identity } = (await (await fetch(`${server.url}/.well-known/vws`)).json()) as { identity: string };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: join(docs, '..'),
      env: { ...process.env, VWS_URL: server.url, VWS_PIN: identity },
    });
    assert.match(
      stdout,
      /message: 'Meet me at noon.',\s+sender: 'ada',\s+sender_now: 'ada',\s+sender_id: '\w{32}',\s+sent_at: \d+/,
    );
  });
});
