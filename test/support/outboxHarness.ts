// An outbox with a clock, a log and a transport that tests control.
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { MailTransport } from '../../src/server/mail/mail.ts';
import { Outbox } from '../../src/server/mail/outbox.ts';
import type { CodeMail } from '../../src/server/store/outbox.ts';
import type { Row } from '../../src/server/store/schema.ts';
import type { Store } from '../../src/server/store/store.ts';
import { createFakeTime, type FakeTime } from './fakeTime.ts';
import {
  createFakeTransport,
  createMemoryLog,
  type FakeTransport,
  type MemoryLog,
  mailSettings,
  openTestStore,
  recoveryMail,
} from './mailFixtures.ts';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
const sealingKey = randomBytes(32);

/** An outbox that is not started yet, with its surroundings. */
export interface OutboxHarness<T extends MailTransport> {
  readonly store: Store;
  readonly time: FakeTime;
  readonly log: MemoryLog;
  readonly transport: T;
  readonly outbox: Outbox;
  /** Enqueues a mail that expires in ten minutes, in a transaction of its own. */
  send(changes?: Partial<CodeMail>): Promise<void>;
  /** Advances the clock second by second, and waits for the outbox after each one. */
  advance(milliseconds: number): Promise<void>;
  rows(): Promise<Row<'outbox'>[]>;
}

interface Parts<T> {
  readonly store?: Store;
  readonly time?: FakeTime;
  readonly key?: Uint8Array;
  readonly transport: T;
}

export async function createOutboxHarness(
  t: TestContext,
  parts: Partial<Parts<FakeTransport>> = {},
): Promise<OutboxHarness<FakeTransport>> {
  return createOutboxHarnessWith(t, { ...parts, transport: parts.transport ?? createFakeTransport() });
}

export async function createOutboxHarnessWith<T extends MailTransport>(
  t: TestContext,
  { transport, ...parts }: Parts<T>,
): Promise<OutboxHarness<T>> {
  const store = parts.store ?? (await openTestStore(t));
  const time = parts.time ?? createFakeTime();
  const log = createMemoryLog();
  const outbox = new Outbox({
    store,
    sealingKey: parts.key ?? sealingKey,
    transport,
    settings: mailSettings,
    log,
    clock: time.clock,
    startTimer: time.startTimer,
    random: () => 0,
  });
  return {
    store,
    time,
    log,
    transport,
    outbox,
    send: (changes = {}) =>
      store.transaction((transaction) =>
        outbox.enqueue(transaction, recoveryMail({ expiresAt: time.clock() + 10 * MINUTE_MS, ...changes })),
      ),
    async advance(milliseconds) {
      for (let passed = 0; passed < milliseconds; passed += SECOND_MS) {
        time.advance(SECOND_MS);
        await outbox.idle();
      }
    },
    rows: () => store.transaction(({ db }) => db.selectFrom('outbox').selectAll().execute()),
  };
}

export const recipients = ({ attempts }: FakeTransport): string[] => attempts.map(({ to }) => to);
