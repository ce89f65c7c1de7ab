// A thief with the database, the log and the master key of a server: token messages stay closed without the token.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { openBody } from '../src/server/messages/storedBody.ts';
import { expectMessage } from './support/expect.ts';
import { newPerson, register, registerSuite2 } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { inServerDatabase } from './support/serverDatabase.ts';
import { Suite2Client } from './support/suite2Client.ts';
import { decryptBody, encryptBody, locatorOf, sendFields } from './support/tokenMessages.ts';

const TEXT = 'Meet me at the old mill at noon.';

/** Opens the database with the master key, and returns every stored body and a dump of all tables. */
async function steal(server: TestServer) {
  return inServerDatabase(server, async (tx, keyring) => {
    const rows = await tx.db.selectFrom('token_messages').selectAll().execute();
    const bodies = rows.map(async (row) => {
      const key = await keyring.keyOfVersion(tx, row.recipient_id, row.key_version);
      return { row, body: openBody(key, row, row.sealed_body ?? assert.fail('erased')) };
    });
    const tables = ['token_messages', 'session_steps', 'users', 'user_keys', 'outbox'] as const;
    const dump: Buffer[] = [];
    for (const table of tables) {
      for (const row of await tx.db.selectFrom(table).selectAll().execute()) {
        for (const value of Object.values(row))
          dump.push(Buffer.from(value instanceof Uint8Array ? value : `${value}`));
      }
    }
    return { bodies: await Promise.all(bodies), dump: Buffer.concat(dump) };
  });
}

/** The forms in which a token could be left behind. */
const formsOf = (token: Buffer) => [
  token,
  token.toString('base64url'),
  token.toString('hex'),
  token.toString('base64'),
];

function assertUnknown(token: Buffer, places: readonly Buffer[]): void {
  for (const form of formsOf(token)) for (const place of places) assert.ok(!place.includes(form));
}

test('a thief with database, log and master key gets the body, which opens only with the token', async (t) => {
  const server = await startServer(t, { LOG_LEVEL: 'debug' });
  const [ada, bob] = [newPerson(), newPerson()];
  const reader = await Suite2Client.handshake(server);
  await registerSuite2(reader, server, bob);
  const sender = await Suite2Client.handshake(server);
  await registerSuite2(sender, server, ada);
  const token = randomBytes(16);
  assert.equal((await sender.call('/send_message', sendFields(token, bob.username, TEXT))).status, 200);
  const locator = { locator: locatorOf(token).toString('base64url') };
  assert.equal((await reader.call('/open_message', locator)).status, 200);
  await server.kill();

  const { bodies, dump } = await steal(server);
  const [{ body, row } = assert.fail('no message')] = bodies;
  assert.ok(isDeepStrictEqual(Buffer.from(body), encryptBody(token, TEXT)), 'the thief has the body');
  assert.deepEqual(Buffer.from(row.locator), locatorOf(token));
  assertUnknown(token, [dump, Buffer.from(server.stdout), Buffer.from(server.stderr)]);
  assert.ok(!dump.includes(TEXT));
  // Nothing that is stored opens it as if it were the token.
  for (const guess of [row.message_id, row.locator.subarray(0, 16), row.locator.subarray(16), row.recipient_id]) {
    assert.throws(() => decryptBody(guess, body));
  }
  assert.equal(decryptBody(token, body), TEXT);
});

test('the server forgets the token of a short ciphertext', async (t) => {
  const server = await startServer(t, { LOG_LEVEL: 'debug' });
  const person = newPerson();
  const client = await register(server, person);
  const ciphertext = expectMessage(await client.encrypt(person.username, TEXT));
  // The response of the next request replaces the stored one.
  await client.call('/account', {});
  await client.call('/account', {});
  await server.kill();

  const { bodies, dump } = await steal(server);
  const token = Buffer.from(ciphertext, 'base64url').subarray(0, 16);
  assertUnknown(token, [dump, Buffer.from(server.stdout), Buffer.from(server.stderr)]);
  assert.ok(!dump.includes(TEXT));
  const [{ body } = assert.fail('no message')] = bodies;
  assert.equal(decryptBody(token, body), TEXT);
});
