// Recovery codes from the local mailbox or a real mail server.
import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from './poll.ts';
import type { Settings } from './server.ts';
import { CERTIFICATE_FILE, startSmtpServer } from './smtp.ts';

/** The recovery code in an email: a line of six capital letters and digits. */
export function codeIn(mail: string): string | undefined {
  return /^[A-Z0-9]{6}(?=\r?$)/m.exec(mail)?.[0];
}

/** Emails to one address in the local mailbox, in no particular order. */
export async function mailboxOf(dataDir: string, email: string): Promise<string[]> {
  const folder = join(dataDir, 'mailbox');
  const names = await readdir(folder).catch(() => []);
  const mails = await Promise.all(
    names.filter((name) => name.endsWith('.eml')).map((name) => readFile(join(folder, name), 'utf8')),
  );
  return mails.filter((mail) => mail.includes(email));
}

/** Waits for a code in the local mailbox that is not in `seen`. */
export function codeFromMailbox(dataDir: string, email: string, seen: string[] = []): Promise<string> {
  return eventually(`a mail with a code to ${email}`, async () => {
    const codes = (await mailboxOf(dataDir, email)).map(codeIn);
    return codes.find((code) => code !== undefined && !seen.includes(code));
  });
}

/** Waits for the mail with the code of a registration, and removes it, so that later tests do not find it. @returns the code */
export function takeRegistrationCode(dataDir: string, email: string): Promise<string> {
  return eventually(`a mail with the code of a registration to ${email}`, async () => {
    const folder = join(dataDir, 'mailbox');
    for (const name of await readdir(folder).catch(() => [])) {
      if (!name.endsWith('.eml')) continue;
      const path = join(folder, name);
      // Another test may have removed its own mail.
      const mail = await readFile(path, 'utf8').catch(() => '');
      const code = codeIn(mail);
      if (!code || !mail.includes(email) || !/^Subject: .*confirm your registration\r?$/m.test(mail)) continue;
      await rm(path);
      return code;
    }
    return undefined;
  });
}

export interface TestMailServer {
  /** Settings of a VWS server that uses this mail server. */
  settings: Settings;
  password: string;
  /** Waits for the code in the first mail with one to an address. */
  codeFor(email: string): Promise<string>;
}

/** A mail server with a login and STARTTLS, stopped after the test. */
export async function startMailServer(t: TestContext): Promise<TestMailServer> {
  const auth = { username: 'vws', password: 'the-password-of-the-mailbox' };
  const smtp = await startSmtpServer({ mode: 'starttls', auth });
  t.after(() => smtp.stop());
  return {
    settings: {
      MAIL_SERVER: '127.0.0.1',
      MAIL_PORT: String(smtp.port),
      MAIL_USE_TLS: 'true',
      MAIL_USERNAME: auth.username,
      MAIL_PASSWORD: auth.password,
      MAIL_DEFAULT_SENDER: 'VWS <vws@example.org>',
      NODE_EXTRA_CA_CERTS: CERTIFICATE_FILE,
    },
    password: auth.password,
    async codeFor(email) {
      const mail = await smtp.waitForMail(
        ({ recipients, text }) => recipients.includes(email) && codeIn(text) !== undefined,
      );
      assert.ok(mail.encrypted);
      return codeIn(mail.text) ?? assert.fail(`no code in ${mail.text}`);
    },
  };
}
