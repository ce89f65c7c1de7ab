import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createTransport } from 'nodemailer';
import { DeliveryError, type MailLog, type MailTransport } from './mail.ts';
import { nodemailerOptions } from './message.ts';

/** How many mails are kept: the newest. */
const MAX_MAILS = 100;
const EXTENSION = '.eml';

/**
 * Stands in where there is no mail server: writes each mail as a file (RFC 5322) and its code to the log, so that
 * recovery can be tried with nothing configured.
 *
 * @param folder made with mode 0700 if it is missing
 */
export function createLocalMailbox(folder: string, log: MailLog): MailTransport {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    async deliver(message) {
      const options = nodemailerOptions(message);
      try {
        const { message: source } = await composer.sendMail(options);
        const file = resolve(folder, `${sortableTime(message.date)}-${message.id}${EXTENSION}`);
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await removeOldMails(folder);
        await writePrivately(file, source as Buffer);
        log.info({ file, code: message.code }, 'no mail server is set: the mail is in the local mailbox');
      } catch (error) {
        throw new DeliveryError(`local mailbox ${(error as NodeJS.ErrnoException).code ?? 'failed'}`, false);
      }
    },
    close() {},
  };
}

/** 2026-11-22T15:43:00.000Z as 20261122T154300.000Z: no colons, which some file systems refuse. */
function sortableTime(date: Date): string {
  return date.toISOString().replaceAll(/[-:]/g, '');
}

/** Nobody ever sees half a file. */
async function writePrivately(file: string, content: Buffer): Promise<void> {
  const unfinished = `${file}.tmp`;
  await writeFile(unfinished, content, { mode: 0o600 });
  await rename(unfinished, file);
}

/** Leaves room for one more. */
async function removeOldMails(folder: string): Promise<void> {
  const mails = (await readdir(folder)).filter((name) => name.endsWith(EXTENSION)).sort();
  for (const name of mails.slice(0, 1 - MAX_MAILS)) await rm(join(folder, name), { force: true });
}
