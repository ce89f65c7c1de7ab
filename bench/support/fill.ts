// Databases with many users.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openDatabase } from '../../src/server/app.ts';
import { sealAead } from '../../src/server/crypto/aead.ts';
import { makeFolder } from './target.ts';

const USER_KEY_LENGTH = 32;
const HALF_AN_HOUR_MS = 30 * 60 * 1000;

interface FilledFolder {
  readonly folder: string;
  readonly environment: { readonly VWS_MASTER_KEY: string };
}

/** Creates a data folder with users named `user1`, `user2` …, each with a key and a session whose key is unknown. */
export async function fillFolder(users: number): Promise<FilledFolder> {
  const folder = makeFolder();
  const key = randomBytes(USER_KEY_LENGTH);
  const path = join(folder, 'vws.db');
  const { store, masterKey } = await openDatabase({ database: { engine: 'sqlite', path }, masterKey: { bytes: key } });
  await store.close();
  const wrappingKey = masterKey.derive('vws user keys');

  const database = new DatabaseSync(path);
  // The format of keyring/userKeys.ts.
  database.function('wrapped_key', (userId) => {
    const context = Buffer.concat([Buffer.from('vws user key '), userId as Uint8Array, Buffer.from(' 1')]);
    return sealAead(wrappingKey, randomBytes(USER_KEY_LENGTH), context);
  });
  database.exec(`
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -1000000;
    BEGIN;
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${users})
      INSERT INTO users (user_id, username, username_key, email, email_key, password_hash, created_at)
      SELECT randomblob(16), 'user' || n, 'user' || n, 'user' || n || '@example.org', 'user' || n || '@example.org', '', 0
      FROM numbers;
    INSERT INTO user_keys (user_id, version, master_key_id, wrapped_key, created_at)
      SELECT user_id, 1, '${masterKey.id}', wrapped_key(user_id), ${Date.now()} FROM users;
    INSERT INTO session_steps (step_id, session_id, parent_id, suite, user_id, recovery_id, sealed_secret, request_hash,
        sealed_response, repeatable, used, last_used_at)
      SELECT randomblob(32), randomblob(16), randomblob(32), 1, user_id, NULL, randomblob(60), randomblob(32),
        randomblob(1200), 1, 0, ${Date.now()} - abs(random() % ${HALF_AN_HOUR_MS}) FROM users;
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
  return { folder, environment: { VWS_MASTER_KEY: key.toString('hex') } };
}
