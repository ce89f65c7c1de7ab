// Messages that the original desktop client carries in a video, on a real server.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { foldUsername } from '../src/server/accounts/username.ts';
import { loadMasterKeyFile, MasterKey } from '../src/server/keyring/masterKey.ts';
import { UserKeyring } from '../src/server/keyring/userKeys.ts';
import { openStore, type StoreLocation } from '../src/server/store/open.ts';
import { findUserIdByUsername } from '../src/server/store/users.ts';
import { carry, sealInEarlierClass } from './support/desktopReader.ts';
import { expectFailure, expectMessage } from './support/expect.ts';
import { newPerson, register } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { Suite2Client } from './support/suite2Client.ts';

/** Seals a text for a user like an earlier version, with the key in the database of the server. */
async function sealForUser({ dataDir, databaseUrl }: TestServer, username: string, text: string, size: number) {
  const location: StoreLocation = databaseUrl
    ? { engine: 'postgres', url: databaseUrl, poolSize: 1, statementTimeout: 10_000 }
    : { engine: 'sqlite', path: join(dataDir, 'vws.db') };
  const keyring = new UserKeyring(new MasterKey(loadMasterKeyFile(join(dataDir, 'master.key')).bytes));
  const store = await openStore(location, Date.now());
  try {
    return await store.transaction(async (tx) => {
      const userId = (await findUserIdByUsername(tx, foldUsername(username))) ?? assert.fail('unknown user');
      const { key } = await keyring.currentKey(tx, userId, Date.now());
      return sealInEarlierClass(key, userId, { senderId: userId, sentAt: Date.now(), text }, size);
    });
  } finally {
    await store.close();
  }
}

test('the desktop client', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);

  await t.test('carries texts of all lengths without loss', async () => {
    for (const length of [0, 8, 9, 201, 202, 300, 453, 454, 1_000, 4_041, 4_042, 10_000]) {
      const text = 'x'.repeat(length);
      const ciphertext = expectMessage(await client.encrypt(person.username, text));
      assert.equal(expectMessage(await client.decrypt(carry(ciphertext))), text, `${length} bytes`);
    }
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
