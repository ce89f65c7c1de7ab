// The local mailbox, which replaces a mail server.
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createTransport } from 'nodemailer';
import { DeliveryError, type MailLog, type MailMessage, type MailTransport } from './mail.ts';
import { nodemailerOptions } from './message.ts';

/** Number of emails kept; the oldest ones are deleted. */
const MAX_MAILS = 100;
const EXTENSION = '.eml';

/**
 * Replaces the mail server where none is configured: writes each email as a file (RFC 5322) and its code to the log, so
 * that recovery works without any configuration.
 */
export class LocalMailbox implements MailTransport {
  readonly #folder: string;
  readonly #log: MailLog;
  readonly #composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });

  /** @param folder created with mode 0700 if it does not exist */
  constructor(folder: string, log: MailLog) {
    this.#folder = folder;
    this.#log = log;
  }

  async deliver(message: MailMessage): Promise<void> {
    const options = nodemailerOptions(message);
    try {
      const { message: source } = await this.#composer.sendMail(options);
      const file = resolve(this.#folder, `${sortableTime(message.date)}-${message.id}${EXTENSION}`);
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await removeOldMails(this.#folder);
      await writePrivately(file, source as Buffer);
      this.#log.info({ file, code: message.code }, 'email written to the local mailbox: no mail server is configured');
    } catch (error) {
      throw new DeliveryError(`local mailbox ${(error as NodeJS.ErrnoException).code ?? 'failed'}`, false);
    }
  }

  close(): void {}
}

/** Formats a time like 20261122T154300.000Z, without colons, which some file systems reject. */
function sortableTime(date: Date): string {
  return date.toISOString().replaceAll(/[-:]/g, '');
}

/** Renames the complete file, so that readers never see a partial one. */
async function writePrivately(file: string, content: Buffer): Promise<void> {
  const unfinished = `${file}.tmp`;
  await writeFile(unfinished, content, { mode: 0o600 });
  await rename(unfinished, file);
}

/** Deletes the oldest emails, leaving room for one more. */
async function removeOldMails(folder: string): Promise<void> {
  const mails = (await readdir(folder)).filter((name) => name.endsWith(EXTENSION)).sort();
  for (const name of mails.slice(0, 1 - MAX_MAILS)) await rm(join(folder, name), { force: true });
}
