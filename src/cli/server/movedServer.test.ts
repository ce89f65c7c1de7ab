// A server moves to another database: sessions, recoveries and emails continue.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { newEpochPath } from '../../../test/support/epochs.ts';
import { expectDone, expectFailure, expectMessage } from '../../../test/support/expect.ts';
import { codeFromMailbox } from '../../../test/support/mail.ts';
import { newPassword, newPerson, type Person, register } from '../../../test/support/people.ts';
import { startServer, type TestServer } from '../../../test/support/server.ts';
import { dumpDatabase } from '../../../test/support/sql.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { newDatabasePath } from '../../../test/support/storeFixtures.ts';
import { Suite1Client } from '../../../test/support/suite1Client.ts';
import { runVws } from '../../../test/support/vws.ts';
import { openTarget, parseLocation } from './databases.ts';

const TEXT = 'Grüße an alle \u{1f600}';
/** A mail server that does not respond, so that emails stay in the outbox. */
const DEAD_MAIL_SERVER = { MAIL_SERVER: '127.0.0.1', MAIL_PORT: '1', MAIL_DEFAULT_SENDER: 'vws@example.org' };

const copy = (from: string, to: string) => runVws(['db', 'copy', '--from', from, '--to', to]);

/** The users' data when the server stops: sessions, a ciphertext, a lost response, a recovery in progress. */
interface Before {
  readonly ann: { readonly person: Person; readonly client: Suite1Client };
  readonly forgetful: { readonly person: Person; readonly client: Suite1Client };
  readonly ciphertext: string;
  readonly lostResponse: string;
}

async function createUsers(server: TestServer): Promise<Before> {
  const ann = newPerson('Änn Œ');
  const annsClient = await register(server, ann);
  const forgetful = newPerson();
  await register(server, forgetful);
  const client = await Suite1Client.handshake(server);
  expectFailure(await client.call('/login_user', { ...forgetful, password: newPassword() }), 201, 'Password is wrong');
  expectDone(await client.call('/forgot_password', { email: forgetful.email }));
  const ciphertext = expectMessage(await annsClient.encrypt(ann.username, TEXT));
  const lostResponse = expectMessage(await annsClient.callAndLoseResponse('/decrypt', { message: ciphertext }));
  return {
    ann: { person: ann, client: annsClient },
    forgetful: { person: forgetful, client },
    ciphertext,
    lostResponse,
  };
}

/** Points an existing client to `server`. It can resend its last request. */
function moved(client: Suite1Client, server: TestServer): Suite1Client {
  return Object.assign(client, { server });
}

async function continueAfterMove(
  { ann, forgetful, ciphertext, lostResponse }: Before,
  server: TestServer,
): Promise<void> {
  const session = moved(ann.client, server);
  assert.equal(expectMessage(await session.resend()), lostResponse);
  assert.equal(expectMessage(await session.decrypt(ciphertext)), TEXT);
  const answer = expectMessage(await session.encrypt(forgetful.person.username, 'after the move'));

  const recovery = moved(forgetful.client, server);
  expectDone(await recovery.call('/confirm_forgot_password', { code: await codeIn(server, forgetful.person) }));
  const password = newPassword();
  expectDone(await recovery.call('/final_forgot_password', { new_password: password }));
  const again = await Suite1Client.handshake(server);
  expectDone(await again.call('/login_user', { email: forgetful.person.email, password }));
  assert.equal(expectMessage(await again.decrypt(answer)), 'after the move');
}

/** The code from the email that waited in the outbox. */
const codeIn = (server: TestServer, { email }: Person) => codeFromMailbox(server.dataDir, email);

/** Starts a server with the keys that move with it. */
async function startOn(t: TestContext, url: string, masterKey: string, settings = {}): Promise<TestServer> {
  return startServer(t, { DATABASE_URL: url, VWS_MASTER_KEY: masterKey, ...settings });
}

/** Makes emails due, so that the test does not wait for the next attempt or for the lease of a killed worker. */
async function makeMailsDue(url: string): Promise<void> {
  const store = await openTarget(parseLocation('url', url, undefined));
  await store.transaction(({ db }) =>
    db.updateTable('outbox').set({ next_attempt_at: 0, lease_token: null }).execute(),
  );
  await store.close();
}

async function newUrl(t: TestContext): Promise<string> {
  const location = await newStoreLocation(t);
  return location.engine === 'sqlite' ? `sqlite:${location.path}` : location.url;
}

test('after a move: sessions, messages, recoveries and emails continue', async (t) => {
  const masterKey = randomBytes(32).toString('hex');
  const from = `sqlite:${await newDatabasePath(t)}`;
  const to = await newUrl(t);
  const epochFile = { EPOCH_FILE: newEpochPath(t) };
  const server = await startOn(t, from, masterKey, { ...DEAD_MAIL_SERVER, ...epochFile });
  const before = await createUsers(server);
  await server.stop();

  const { code, stderr } = await copy(from, to);
  assert.equal(code, 0, stderr);
  const dump = await dumpDatabase(from);
  for (const table of ['users', 'user_keys', 'session_steps', 'recoveries', 'login_attempts', 'outbox']) {
    assert.notEqual(dump[table]?.length, 0, table);
  }
  assert.deepEqual(await dumpDatabase(to), dump);
  await makeMailsDue(to);
  await continueAfterMove(before, await startOn(t, to, masterKey, epochFile));
});

test('after the move back, from a killed server: the same', async (t) => {
  const masterKey = randomBytes(32).toString('hex');
  const from = await newUrl(t);
  const to = `sqlite:${await newDatabasePath(t)}`;
  const epochFile = { EPOCH_FILE: newEpochPath(t) };
  const server = await startOn(t, from, masterKey, { ...DEAD_MAIL_SERVER, ...epochFile });
  const before = await createUsers(server);
  await server.kill();

  const { code, stderr } = await copy(from, to);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await dumpDatabase(to), await dumpDatabase(from));
  await makeMailsDue(to);
  await continueAfterMove(before, await startOn(t, to, masterKey, epochFile));
});

test('a source in use is refused, and its server is not affected', async (t) => {
  const masterKey = randomBytes(32).toString('hex');
  const [from, to] = [await newUrl(t), await newUrl(t)];
  const server = await startOn(t, from, masterKey);
  const client = await register(server, newPerson('ann'));
  const { code, stdout, stderr } = await copy(from, to);
  assert.equal(code, 1);
  assert.match(stderr, /is in use\. Stop the server that uses it/);
  assert.equal(stdout, '');
  expectMessage(await client.encrypt('ann', 'x'));
  await server.stop();
  assert.equal((await copy(from, to)).code, 0);
});

test('a target in use is refused, and its server is not affected', async (t) => {
  const masterKey = randomBytes(32).toString('hex');
  const [from, to] = [await newUrl(t), await newUrl(t)];
  const source = await startOn(t, from, masterKey);
  await register(source, newPerson());
  await source.stop();
  const server = await startOn(t, to, masterKey);
  const { code, stderr } = await copy(from, to);
  assert.equal(code, 1);
  assert.match(stderr, /is not empty: its table master_keys has rows/);
  await register(server, newPerson());
});

test('with another master key, the server refuses the copy and names the right key', async (t) => {
  const [from, to] = [await newUrl(t), await newUrl(t)];
  const server = await startOn(t, from, randomBytes(32).toString('hex'));
  await register(server, newPerson());
  await server.stop();
  const { stdout } = await copy(from, to);
  const id = /\(id ([0-9a-f]{16})\)/.exec(stdout)?.[1];
  assert.ok(id, stdout);
  await assert.rejects(startOn(t, to, randomBytes(32).toString('hex')), new RegExp(`wrong master key.*${id}`, 's'));
});
