// Messages: recipients, failures and the length limit.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Transaction } from '../store/store.ts';
import { openEnvelope } from './envelope.ts';
import { Messages } from './messages.ts';

/** These tests do not use the database. */
const tx = {} as Transaction;
const SHORT = 'A'.repeat(24);
const NOW = Date.UTC(2026, 10, 22, 14, 22);

/** Creates users with one key each, found by their exact name. */
function createHarness(...names: string[]) {
  const users = names.map((name) => ({ name, id: new Uint8Array(randomBytes(16)), key: randomBytes(32) }));
  const keyOf = (userId: Uint8Array) => users.find(({ id }) => id === userId)?.key ?? assert.fail('no such user');
  const messages = new Messages({
    keyring: {
      currentKey: async (_, userId) => ({ version: 1, key: keyOf(userId) }),
      allKeys: async (_, userId) => [keyOf(userId)],
    },
    findRecipient: async (_, wanted) => users.find(({ name }) => name === wanted)?.id,
    shortCiphertexts: {
      store: async (_, { text }) => (text === 'no room' ? undefined : `short ${text}`),
      open: async (_, _userId, ciphertext) =>
        ciphertext.trim() === SHORT ? { senderId: null, sentAt: 5, text: 'short' } : undefined,
    },
    maxTextBytes: 10,
    clock: () => NOW,
  });
  const ids = users.map(({ id }) => id);
  return { messages, ids: ids as [Uint8Array, Uint8Array], keyOf };
}

test('only the recipient decrypts a message', async () => {
  const { messages, ids, keyOf } = createHarness('ada', 'bob');
  const [ada, bob] = ids;
  const { ciphertext: message } = await messages.encrypt(tx, ada, ['bob'], 'text');
  assert.deepEqual(await messages.decrypt(tx, bob, message), { senderId: ada, sentAt: NOW, text: 'text' });
  await assert.rejects(messages.decrypt(tx, ada, message), { code: 'undecryptable_message' });
  assert.deepEqual(openEnvelope([keyOf(bob)], bob, message), { senderId: ada, sentAt: NOW, text: 'text' });
});

test('everything that does not decrypt is the same problem', async () => {
  const { messages, ids } = createHarness('ada', 'bob');
  const [ada] = ids;
  for (const message of ['', 'not a ciphertext', 'A'.repeat(342)]) {
    await assert.rejects(messages.decrypt(tx, ada, message), { code: 'undecryptable_message', detail: undefined });
  }
});

test('the recipient is the first name that a user has', async () => {
  const { messages, ids } = createHarness('a b', 'a%20b');
  const [decoded, literal] = ids;
  const { ciphertext: both } = await messages.encrypt(tx, decoded, ['a b', 'a%20b'], 'text');
  assert.equal((await messages.decrypt(tx, decoded, both)).text, 'text');
  const { ciphertext: second } = await messages.encrypt(tx, decoded, ['unknown', 'a%20b'], 'text');
  assert.equal((await messages.decrypt(tx, literal, second)).text, 'text');
  for (const names of [['unknown'], []]) {
    await assert.rejects(messages.encrypt(tx, decoded, names, 'text'), { code: 'user_not_found' });
  }
});

test('the length limit counts bytes of UTF-8', async () => {
  const { messages, ids } = createHarness('ada', 'bob');
  const [ada] = ids;
  await messages.encrypt(tx, ada, ['ada'], 'x'.repeat(10));
  await messages.encrypt(tx, ada, ['ada'], 'é'.repeat(5));
  for (const text of ['x'.repeat(11), 'é'.repeat(6)]) {
    await assert.rejects(messages.encrypt(tx, ada, ['ada'], text), { code: 'message_too_large' });
  }
});

test('a short ciphertext is returned on request, an envelope if there is no room', async () => {
  const { messages, ids } = createHarness('ada', 'bob');
  const [ada, bob] = ids;
  const encrypt = async (text: string, isShort: boolean) =>
    (await messages.encrypt(tx, ada, ['bob'], text, { isShort })).ciphertext;
  assert.equal(await encrypt('text', true), 'short text');
  assert.equal((await messages.decrypt(tx, bob, await encrypt('text', false))).text, 'text');
  assert.equal((await messages.decrypt(tx, bob, await encrypt('no room', true))).text, 'no room');
});

test('24 characters are a short ciphertext and nothing else', async () => {
  const { messages, ids } = createHarness('ada');
  assert.deepEqual(await messages.decrypt(tx, ids[0], ` ${SHORT}\n`), { senderId: null, sentAt: 5, text: 'short' });
  await assert.rejects(messages.decrypt(tx, ids[0], 'B'.repeat(24)), { code: 'undecryptable_message' });
});
