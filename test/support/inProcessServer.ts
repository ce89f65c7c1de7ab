// The whole server except its listener, on a real SQLite file and a clock that tests advance.
import { copyFileSync, existsSync } from 'node:fs';
import type { PasswordHashing } from '../../src/server/accounts/passwordHasher.ts';
import { type Core, createCore } from '../../src/server/app.ts';
import { readConfig } from '../../src/server/config/config.ts';
import { expiryTimes } from '../../src/server/config/retention.ts';
import { loadIdentity } from '../../src/server/keyring/identity.ts';
import { bindMasterKey, MasterKey } from '../../src/server/keyring/masterKey.ts';
import type { MailMessage } from '../../src/server/mail/mail.ts';
import { Outbox } from '../../src/server/mail/outbox.ts';
import { deleteExpired } from '../../src/server/store/expiry.ts';
import { openStore } from '../../src/server/store/open.ts';
import { SWEEP_BATCH } from '../../src/server/store/sweeper.ts';
import { type CrashableStore, createCrashableStore } from './crashableStore.ts';
import { noEpochs } from './epochs.ts';
import type { FakeTime } from './fakeTime.ts';
import { createMemoryLog, mailSettings } from './mailFixtures.ts';
import { UNLIMITED } from './server.ts';

export const config = readConfig(UNLIMITED);
export const masterKey = new MasterKey(new Uint8Array(32).fill(7));

export interface InProcessServer {
  readonly core: Core;
  readonly store: CrashableStore;
  readonly outbox: Outbox;
  /** Removes everything that has expired. */
  sweep(): Promise<void>;
  /** Finishes all work and closes. */
  stop(): Promise<void>;
}

export interface InProcessServerOptions {
  readonly path: string;
  /** Path of the database after a crash, for the next start. */
  readonly crashPath: string;
  readonly time: FakeTime;
  readonly hasher: PasswordHashing;
  /** Called for each email that is sent. */
  readonly onMail: (message: MailMessage) => void;
}

export async function startInProcessServer(options: InProcessServerOptions): Promise<InProcessServer> {
  const { path, crashPath, time, hasher, onMail } = options;
  const { clock } = time;
  const inner = await openStore({ engine: 'sqlite', path }, clock());
  await bindMasterKey(inner, masterKey, clock());
  const identity = await loadIdentity(inner, masterKey, undefined, clock());
  const store = createCrashableStore(inner, () => copyDatabase(path, crashPath));
  const outbox = new Outbox({
    store,
    sealingKey: masterKey.derive('vws outbox'),
    transport: {
      async deliver(message) {
        if (!store.crashed) onMail(message);
      },
      close() {},
    },
    settings: mailSettings,
    log: createMemoryLog(),
    clock,
    startTimer: (callback, milliseconds) => time.startTimer(() => store.crashed || callback(), milliseconds),
    random: () => 0,
  });
  const core = createCore({ config, store, masterKey, epochKeys: noEpochs, identity, hasher, outbox, clock });
  outbox.start();
  return {
    core,
    store,
    outbox,
    async sweep() {
      const times = expiryTimes(config)(clock());
      let most = SWEEP_BATCH;
      while (most >= SWEEP_BATCH) most = await store.transaction((tx) => deleteExpired(tx, times, SWEEP_BATCH));
    },
    async stop() {
      if (!store.crashed) await outbox.stop();
      await store.close();
    },
  };
}

/** Copies a database with its write-ahead log, as a crash would leave it now. */
export function copyDatabase(from: string, to: string): void {
  copyFileSync(from, to);
  if (existsSync(`${from}-wal`)) copyFileSync(`${from}-wal`, `${to}-wal`);
}

/** Hashes that cost nothing and contain the password, for tests of everything else. */
export function createFakeHasher(): PasswordHashing {
  let count = 0;
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    async hash(password) {
      count += 1;
      const hash = `fake$${count}$${password}`;
      await turn();
      return hash;
    },
    async verify(findHash, password) {
      const hash = await findHash();
      await turn();
      return passwordOfFakeHash(hash) === password;
    },
    needsRehash: () => false,
    parameters: 'm=8,t=1,p=1',
  };
}

export function passwordOfFakeHash(hash: string): string | undefined {
  return hash.split('$')[2];
}
