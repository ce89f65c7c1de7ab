// Properties of the server that hold for all input.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { newPerson, register } from '../support/people.ts';
import { Suite1Client } from '../support/suite1Client.ts';
import { publicKeyJson } from './publicKeys.ts';
import { rawRequests } from './rawRequests.ts';
import { bodyWith, endpointIndex, fieldValue, goodFields, headers, mutation } from './requests.ts';
import type { Target } from './target.ts';

export interface Options {
  readonly runs: number;
  readonly seed: number;
}

const RAW_TIMEOUT_MS = 10_000;
/** Runs with password hashes are fewer by this factor. */
const HASHING_SHARE = 10;
const MAX_MESSAGE = 3_000;

type Property = (target: Target, options: Options) => Promise<void>;

function endpointOf(target: Target, index: number): [path: string, fields: Record<string, string>] {
  return Object.entries(goodFields(target))[index] ?? assert.fail();
}

async function send(target: Target, path: string, body: Buffer, sent: Record<string, string>): Promise<void> {
  target.checkResponse(await target.post(path, body, sent));
  await target.checkSession();
}

export const properties: Readonly<Record<string, Property>> = {
  'malformed fields: no failure, the session continues': (target, { runs, seed }) =>
    fc.assert(
      fc.asyncProperty(endpointIndex, fc.array(fieldValue, { maxLength: 3 }), headers, async (index, values, sent) => {
        const [path, fields] = endpointOf(target, index);
        const { aesKey, sessionKey } = target.client.keys;
        await send(target, path, Buffer.from(bodyWith(fields, values, aesKey, sessionKey)), sent);
      }),
      { numRuns: runs, seed },
    ),

  'mutated requests: no failure, the session continues': (target, { runs, seed }) =>
    fc.assert(
      fc.asyncProperty(endpointIndex, mutation, headers, async (index, mutate, sent) => {
        const [path, fields] = endpointOf(target, index);
        const { aesKey, sessionKey } = target.client.keys;
        await send(target, path, mutate(Buffer.from(bodyWith(fields, [], aesKey, sessionKey))), sent);
      }),
      { numRuns: runs, seed },
    ),

  'handshakes with random public keys: accepted or refused': (target, { runs, seed }) =>
    fc.assert(
      fc.asyncProperty(publicKeyJson, async (json) => {
        const answer = await target.post('/create_session_key', Buffer.from(`{"public_key":${json}}`));
        assert.ok(
          answer.status === 200 || (answer.status === 404 && answer.text === '"Error!"') || answer.status === 413,
          `${answer.status} ${answer.text}`,
        );
      }),
      { numRuns: runs, seed },
    ),

  'bytes that are not HTTP: no failure, the session continues': (target, { runs, seed }) =>
    fc.assert(
      fc.asyncProperty(rawRequests, async (bytes) => {
        const answer = await sendRaw(target, bytes);
        assert.doesNotMatch(answer, /^HTTP\/1\.1 5(?!03)/m);
        await target.checkSession();
      }),
      { numRuns: runs, seed },
    ),

  'mutated ciphertexts: refused, or the same text': async (target, { runs, seed }) => {
    const person = newPerson();
    const client = await register(target.server, person);
    const text = 'only this text may come out';
    const { message: ciphertext = '' } = await client.encrypt(person.username, text);
    await fc.assert(
      fc.asyncProperty(mutatedCiphertext(ciphertext), async (mutated) => {
        const { status, message, error, keys } = await client.call('/decrypt', { message: mutated });
        assert.ok(keys, `the session was lost: ${status}`);
        if (message === undefined) assert.equal(error, 'No authorization');
        else assert.equal(message, text);
      }),
      { numRuns: runs, seed },
    );
  },

  'every text is decrypted unchanged': async (target, { runs, seed }) => {
    const person = newPerson();
    const client = await register(target.server, person);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: MAX_MESSAGE }), async (text) => {
        const { message: ciphertext = '' } = await client.encrypt(person.username, text);
        assert.match(ciphertext, /^[\x20-\xff]+$/);
        assert.equal((await client.decrypt(ciphertext)).message, text);
      }),
      { numRuns: runs, seed },
    );
  },

  'a registered name can be written to': (target, { runs, seed }) =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 70 }), async (username) => {
        const client = await Suite1Client.handshake(target.server);
        const registered = await client.call('/register_user', { ...newPerson(username) });
        assert.ok(registered.keys, `${registered.status} ${registered.text}`);
        if (registered.status !== 200) return;
        const { message, error } = await client.encrypt(username.toWellFormed(), 'to myself');
        assert.equal(error, undefined);
        assert.equal((await client.decrypt(message ?? '')).message, 'to myself');
      }),
      { numRuns: Math.ceil(runs / HASHING_SHARE), seed },
    ),

  'an accepted password logs in': (target, { runs, seed }) =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 8, maxLength: 260 }), async (password) => {
        const person = { ...newPerson(), password };
        const client = await Suite1Client.handshake(target.server);
        const registered = await client.call('/register_user', { ...person });
        assert.ok(registered.keys, `${registered.status} ${registered.text}`);
        if (registered.status !== 200) return;
        const { status } = await client.call('/login_user', { email: person.email, password });
        assert.equal(status, 200);
      }),
      { numRuns: Math.ceil(runs / HASHING_SHARE), seed },
    ),
};

function mutatedCiphertext(ciphertext: string): fc.Arbitrary<string> {
  const position = fc.nat({ max: ciphertext.length - 1 });
  return fc.oneof(
    fc
      .tuple(position, fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }))
      .map(([at, text]) => ciphertext.slice(0, at) + text + ciphertext.slice(at + 1)),
    position.map((at) => ciphertext.slice(0, at)),
    position.map((at) => ciphertext.slice(at)),
    position.map((at) => `${ciphertext.slice(0, at)}\r\n ${ciphertext.slice(at)}`),
    fc.constantFrom('', ' ', '=', `${ciphertext}=`, ciphertext + ciphertext, ciphertext.toLowerCase()),
    fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
    fc.string({ unit: 'binary', maxLength: 600 }),
  );
}

/** Sends bytes and the end of the stream, and reads until the server closes. */
async function sendRaw({ server }: Target, bytes: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  const closed = once(socket, 'close');
  socket.end(bytes);
  const timer = setTimeout(() => socket.destroy(), RAW_TIMEOUT_MS);
  await closed;
  clearTimeout(timer);
  return received;
}
