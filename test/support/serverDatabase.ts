// Access to the database of a server with its master key, as its operator or a thief has it.
import { join } from 'node:path';
import { loadMasterKeyFile, MasterKey } from '../../src/server/keyring/masterKey.ts';
import { UserKeyring } from '../../src/server/keyring/userKeys.ts';
import { openStore, type StoreLocation } from '../../src/server/store/open.ts';
import type { Transaction } from '../../src/server/store/store.ts';
import type { TestServer } from './server.ts';

/** Runs a transaction in the database of a server, which may be running. */
export async function inServerDatabase<T>(
  { dataDir, databaseUrl }: Pick<TestServer, 'dataDir' | 'databaseUrl'>,
  run: (transaction: Transaction, keyring: UserKeyring) => Promise<T>,
): Promise<T> {
  const location: StoreLocation = databaseUrl
    ? { engine: 'postgres', url: databaseUrl, poolSize: 1, statementTimeout: 10_000 }
    : { engine: 'sqlite', path: join(dataDir, 'vws.db') };
  const keyring = new UserKeyring(new MasterKey(loadMasterKeyFile(join(dataDir, 'master.key')).bytes));
  const store = await openStore(location, Date.now());
  try {
    return await store.transaction((tx) => run(tx, keyring));
  } finally {
    await store.close();
  }
}
