// Mail settings, a log in memory and a transport for tests of the outbox.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { MailLog, MailMessage, MailSettings, MailTransport } from '../../src/server/mail/mail.ts';
import { openStore } from '../../src/server/store/open.ts';
import type { CodeMail } from '../../src/server/store/outbox.ts';
import type { Store } from '../../src/server/store/store.ts';

export const mailSettings: MailSettings = {
  sender: 'vws@example.org',
  senderName: 'VWS',
  subject: 'Your code to set a new password',
};

export function recoveryMail(changes: Partial<CodeMail> & Pick<CodeMail, 'expiresAt'>): CodeMail {
  return { to: 'ada@example.org', code: 'K7M4PX', ...changes };
}

/** Creates a folder that is removed after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vws-mail-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** @param path of an existing database; a new one by default */
export async function openTestStore(t: TestContext, path?: string): Promise<Store> {
  const folder = path === undefined ? await mkdtemp(join(tmpdir(), 'vws-mail-')) : undefined;
  const store = await openStore({ engine: 'sqlite', path: path ?? join(folder ?? '', 'vws.db') }, 0);
  t.after(async () => {
    await store.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });
  return store;
}

export interface MemoryLog extends MailLog {
  readonly lines: readonly { readonly level: string; readonly message: string; readonly fields: object }[];
  /** Returns the whole log as one text. */
  text(): string;
}

export function createMemoryLog(): MemoryLog {
  const lines: { level: string; message: string; fields: object }[] = [];
  const at = (level: string) => (fields: object, message: string) => lines.push({ level, message, fields });
  return { lines, text: () => JSON.stringify(lines), info: at('info'), warn: at('warn'), error: at('error') };
}

export interface FakeTransport extends MailTransport {
  /** Every attempt, in order. */
  readonly attempts: readonly MailMessage[];
  readonly closed: boolean;
  /** Resolves when this many attempts have started. */
  attempted(count: number): Promise<void>;
}

/** @param outcome result of an attempt, given the message and the number of attempts including this one */
export function createFakeTransport(
  outcome: (message: MailMessage, attempt: number) => Promise<void> | undefined = () => undefined,
): FakeTransport {
  const attempts: MailMessage[] = [];
  let another = Promise.withResolvers<void>();
  let closed = false;
  return {
    attempts,
    get closed() {
      return closed;
    },
    async attempted(count) {
      while (attempts.length < count) await another.promise;
    },
    async deliver(message) {
      attempts.push(message);
      another.resolve();
      another = Promise.withResolvers();
      await outcome(message, attempts.length);
    },
    close() {
      closed = true;
    },
  };
}
