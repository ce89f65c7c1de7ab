// Messages that the original desktop client carries in a video, on a real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldUsername } from '../src/server/accounts/username.ts';
import { findUserIdByUsername } from '../src/server/store/users.ts';
import { carry, framesFor, sealInEarlierClass } from './support/desktopReader.ts';
import { expectFailure, expectMessage } from './support/expect.ts';
import { newPerson, register } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { inServerDatabase } from './support/serverDatabase.ts';
import { Suite2Client } from './support/suite2Client.ts';

/** Seals a text for a user like an earlier version, with the key in the database of the server. */
async function sealForUser(server: TestServer, username: string, text: string, size: number) {
  return inServerDatabase(server, async (tx, keyring) => {
    const userId = (await findUserIdByUsername(tx, foldUsername(username))) ?? assert.fail('unknown user');
    const { key } = await keyring.currentKey(tx, userId, Date.now());
    return sealInEarlierClass(key, userId, { senderId: userId, sentAt: Date.now(), text }, size);
  });
}

const LENGTHS = [0, 8, 9, 201, 202, 300, 453, 454, 1_000, 4_041, 4_042, 10_000];
/** Frames that the original server's ciphertext of a short text needed. */
const SHORT_FRAMES = 20;

test('the desktop client', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);

  await t.test('carries texts of all lengths in 24 characters, which another user cannot open', async () => {
    const stranger = await register(server, newPerson());
    for (const length of [...LENGTHS, 1024 * 1024]) {
      const text = 'x'.repeat(length);
      const ciphertext = expectMessage(await client.encrypt(person.username, text));
      assert.match(ciphertext, /^[A-Za-z0-9_-]{24}$/);
      assert.equal(framesFor(ciphertext), SHORT_FRAMES);
      assert.equal(carry(ciphertext), ciphertext);
      assert.equal(expectMessage(await client.decrypt(carry(ciphertext))), text, `${length} bytes`);
      expectFailure(await stranger.decrypt(ciphertext), 201, 'No authorization');
    }
  });

  await t.test('exchanges short ciphertexts with suite 2, whose own ciphertexts are self-contained', async () => {
    const ciphertext = expectMessage(await client.encrypt(person.username, 'Hi'));
    const suite2 = await Suite2Client.handshake(server);
    await suite2.call('/login_user', { email: person.email, password: person.password });
    const { json } = await suite2.call('/decrypt', { message: ciphertext });
    assert.deepEqual([json.message, json.sender, json.sender_now], ['Hi', person.username, person.username]);
    const answer = await suite2.call('/encrypt', { username: person.username, message: 'Hi' });
    assert.equal(String(answer.json.message).length, 84);
    assert.equal(expectMessage(await client.decrypt(String(answer.json.message))), 'Hi');
  });

  await t.test('gets a short ciphertext that was altered refused', async () => {
    const ciphertext = expectMessage(await client.encrypt(person.username, 'Hi'));
    const altered = (ciphertext.startsWith('A') ? 'B' : 'A') + ciphertext.slice(1);
    expectFailure(await client.decrypt(altered), 201, 'No authorization');
  });

  await t.test('opens ciphertexts of earlier versions, although its reader alters them', async () => {
    for (const size of [256, 512, 1_024, 2_048, 4_096]) {
      const ciphertext = await sealForUser(server, person.username, 'an earlier text', size);
      assert.equal(expectMessage(await client.decrypt(ciphertext)), 'an earlier text', `${size} bytes`);
      assert.equal(expectMessage(await client.decrypt(carry(ciphertext))), 'an earlier text', `${size} bytes, carried`);
    }
  });

  await t.test('gets no text from a ciphertext that was altered in another way', async () => {
    const ciphertext = await sealForUser(server, person.username, 'an earlier text', 512);
    const altered = (ciphertext.startsWith('A') ? 'B' : 'A') + ciphertext.slice(1);
    expectFailure(await client.decrypt(carry(altered)), 201, 'No authorization');
  });

  await t.test('is the only client whose ciphertexts are repaired: suite 2 rejects them', async () => {
    const suite2 = await Suite2Client.handshake(server);
    await suite2.call('/login_user', { email: person.email, password: person.password });
    const ciphertext = await sealForUser(server, person.username, 'an earlier text', 512);
    const { json } = await suite2.call('/decrypt', { message: ciphertext });
    assert.equal(json.message, 'an earlier text');
    assert.equal((await suite2.call('/decrypt', { message: carry(ciphertext) })).json.code, 'undecryptable_message');
  });
});

test('the desktop client carries self-contained ciphertexts of all lengths', async (t) => {
  const server = await startServer(t, { VWS_SHORT_CIPHERTEXTS: 'off' });
  const person = newPerson();
  const client = await register(server, person);
  for (const length of LENGTHS) {
    const text = 'x'.repeat(length);
    const ciphertext = expectMessage(await client.encrypt(person.username, text));
    assert.ok(ciphertext.length >= 84);
    assert.equal(expectMessage(await client.decrypt(carry(ciphertext))), text, `${length} bytes`);
  }
});

test('beyond the quota for short ciphertexts, encrypting continues with self-contained ones', async (t) => {
  const server = await startServer(t, { SHORT_CIPHERTEXT_QUOTA_BYTES: '1024' });
  const person = newPerson();
  const client = await register(server, person);
  const lengths: number[] = [];
  for (let n = 0; n < 6; n += 1) {
    const ciphertext = expectMessage(await client.encrypt(person.username, 'Hi'));
    lengths.push(ciphertext.length);
    assert.equal(expectMessage(await client.decrypt(carry(ciphertext))), 'Hi');
  }
  assert.deepEqual(lengths, [24, 24, 24, 24, 84, 84]);
});
