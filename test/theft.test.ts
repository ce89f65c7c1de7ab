// A thief with the raw files of a killed server, its master key and recorded traffic of suite 2: what they can decrypt.
import assert from 'node:assert/strict';
import { createDecipheriv, hash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { labels, requestContext } from '../src/protocol/suite2.ts';
import { openAead } from '../src/server/crypto/aead.ts';
import { expand, hmac } from '../src/server/crypto/derive.ts';
import { type Epoch, EpochFile } from '../src/server/keyring/epochFile.ts';
import { loadMasterKeyFile, MasterKey } from '../src/server/keyring/masterKey.ts';
import { newEpochPath } from './support/epochs.ts';
import { takeRegistrationCode } from './support/mail.ts';
import { newPerson, registerSuite2 } from './support/people.ts';
import { eventually } from './support/poll.ts';
import { startServer, type TestServer } from './support/server.ts';
import { Suite2Client, sessionKeyOf } from './support/suite2Client.ts';

const EPOCH_SECONDS = 1;
/** Wrapped and unwrapped lengths of a stored secret. */
const SEALED_LENGTH = 12 + 32 + 16;
const WRAPPED_LENGTH = 16 + SEALED_LENGTH;
/** The secret follows the id of its step in a row within this distance. */
const ROW_REACH = 300;

/** A request that a listener recorded. */
interface Recorded {
  readonly sessionKey: string;
  readonly path: string;
  readonly payload: Buffer;
}

/** Sends requests, and records them. */
async function talk(client: Suite2Client, count: number, recorded: Recorded[], path = '/account', fields = {}) {
  for (let n = 0; n < count; n++) {
    const request = client.prepare(path, fields);
    const { payload } = JSON.parse(request.body) as { payload: string };
    recorded.push({ sessionKey: sessionKeyOf(client.step), path, payload: Buffer.from(payload, 'base64url') });
    await client.send(request);
  }
}

/** Watches the epoch file, which a thief who comes once cannot. */
function watchEpochs(t: TestContext, path: string) {
  const file = new EpochFile(path, 0);
  const seen = new Map<string, Epoch>();
  const timer = setInterval(() => note(), 50);
  t.after(() => {
    clearInterval(timer);
    file.close();
  });
  function note() {
    const { current, previous } = file.read();
    for (const epoch of [current, previous]) if (epoch) seen.set(Buffer.from(epoch.id).toString('hex'), epoch);
    return { current, previous };
  }
  return {
    seen,
    now: () => Object.values(note()).filter((epoch) => epoch !== undefined),
    /** Resolves when the keys that are in the file now are destroyed. */
    async changed() {
      const before = note().current;
      const isDestroyed = async () => {
        const { current, previous } = note();
        return (current !== before && !previous) || undefined;
      };
      await eventually('the next epoch', isDestroyed, 20_000);
    },
  };
}

/** The bytes of all files in which the database has its rows. */
async function stealFiles({ dataDir, databaseUrl }: TestServer): Promise<Buffer> {
  if (!databaseUrl)
    return Buffer.concat(['vws.db', 'vws.db-wal', 'vws.db-shm'].map((name) => readFileSync(join(dataDir, name))));
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('CHECKPOINT');
  const { rows } = await client.query(
    "SELECT current_setting('data_directory') AS data, oid FROM pg_database WHERE datname = current_database()",
  );
  await client.end();
  const { data, oid } = rows[0] as { data: string; oid: number };
  const folders = [join(data, 'base', String(oid)), join(data, 'pg_wal')];
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [join(folder, entry.name)] : [])),
  );
  return Buffer.concat(files.map((file) => readFileSync(file)));
}

function unwrap(key: Uint8Array, wrapped: Buffer): Buffer {
  return createDecipheriv('aes-256-ctr', key, wrapped.subarray(0, 16)).update(wrapped.subarray(16));
}

/** @returns the requests that can be decrypted with what is in the files */
function decryptable(recorded: readonly Recorded[], files: Buffer, masterKey: MasterKey, epochs: readonly Epoch[]) {
  const keyEncryptionKey = masterKey.derive('vws session steps');
  return recorded.filter(({ sessionKey, path, payload }) => {
    const stepId = hash('sha256', `vws step id ${sessionKey}`, 'buffer');
    const stepKey = hmac(keyEncryptionKey, `vws step key ${sessionKey}`);
    const context = Buffer.concat([Buffer.from('vws secret '), stepId]);
    for (let at = files.indexOf(stepId); at >= 0; at = files.indexOf(stepId, at + 1)) {
      for (let offset = at + stepId.length; offset < at + ROW_REACH; offset++) {
        const wrapped = files.subarray(offset, offset + WRAPPED_LENGTH);
        const candidates = [files.subarray(offset, offset + SEALED_LENGTH)];
        if (wrapped.length === WRAPPED_LENGTH) candidates.push(...epochs.map(({ key }) => unwrap(key, wrapped)));
        const roots = candidates.flatMap((sealed) => openAead(stepKey, sealed, context) ?? []);
        if (
          roots.some((root) =>
            openAead(expand(root, labels.requestKey), payload, requestContext('POST', path, sessionKey)),
          )
        )
          return true;
      }
    }
    return false;
  });
}

test('the raw files of a killed server, its master key and the traffic open what the documents say', async (t) => {
  const path = newEpochPath(t);
  const server = await startServer(t, { EPOCH_FILE: path, EPOCH_SECONDS: String(EPOCH_SECONDS) });
  const epochs = watchEpochs(t, path);
  const { username, email, password } = newPerson();
  const earlier: Recorded[] = [];
  const client = await Suite2Client.handshake(server);
  await talk(client, 1, earlier, '/register_user', { username, email, password });
  const code = await takeRegistrationCode(server.dataDir, email);
  await talk(client, 1, earlier, '/confirm_registration', { code });
  await talk(client, 20, earlier);
  await talk(client, 1, earlier, '/login_user', { email, password });
  await delay(EPOCH_SECONDS * 1000);
  await talk(client, 20, earlier);
  // The last step is still in use when the epoch changes.
  await epochs.changed();
  await epochs.changed();
  const last: Recorded[] = [];
  await talk(client, 5, last);
  const inFile = epochs.now();
  await server.kill();

  const files = await stealFiles(server);
  const masterKey = new MasterKey(loadMasterKeyFile(join(server.dataDir, 'master.key')).bytes);
  const all = [...earlier, ...last];
  assert.deepEqual(decryptable(all, files, masterKey, []), [], 'without the epoch file: nothing');
  // The last of the earlier requests could be repeated until the first of the last ones was sent.
  assert.deepEqual(decryptable(earlier.slice(0, -1), files, masterKey, inFile), [], 'with it: nothing of past epochs');
  // The files do contain the deleted steps: with the keys of all epochs they can be decrypted.
  const open = decryptable(all, files, masterKey, [...epochs.seen.values()]);
  assert.ok(open.length >= all.length / 2, `${open.length} of ${all.length}`);
  assert.ok(decryptable(last, files, masterKey, inFile).length > 0);
});

test('without an epoch file, deleted steps stay decryptable', async (t) => {
  const path = newEpochPath(t);
  const server = await startServer(t, { EPOCH_FILE: path, EPOCH_SECONDS: '3600' });
  const epochs = watchEpochs(t, path);
  const recorded: Recorded[] = [];
  const client = await Suite2Client.handshake(server);
  await talk(client, 20, recorded, '/account');
  await server.kill();
  const files = await stealFiles(server);
  const masterKey = new MasterKey(loadMasterKeyFile(join(server.dataDir, 'master.key')).bytes);
  const open = decryptable(recorded, files, masterKey, epochs.now());
  assert.ok(open.length >= recorded.length / 2, `${open.length} of ${recorded.length}`);
});

test('a lost epoch file ends the sessions, and nothing else', async (t) => {
  const path = newEpochPath(t);
  const server = await startServer(t, { EPOCH_FILE: path });
  const { username, email, password } = newPerson();
  const client = await Suite2Client.handshake(server);
  await registerSuite2(client, server, { username, email, password });
  const { message } = (await client.call('/encrypt', { username, message: 'a text' })).json;
  await server.stop();
  rmSync(path);
  await server.start();
  const { status, text } = await client.transmit(client.prepare('/account'));
  assert.deepEqual([status, JSON.parse(text).code], [404, 'session_not_found']);
  const again = await Suite2Client.handshake(server, client.identity);
  await again.call('/login_user', { email, password });
  assert.equal((await again.call('/decrypt', { message })).json.message, 'a text');
});
