// Emails of a run by recipient.
import { codeIn } from '../support/mail.ts';
import type { TestSmtpServer } from '../support/smtp.ts';

export interface SortedMails {
  /** Mails with codes to an address, without copies, in the order of their first arrival. */
  mailsTo(email: string): readonly { readonly id: string; readonly code: string }[];
  /** Number of mails with codes received, copies included, and the id of each copy. */
  totals(): { readonly mails: number; readonly copies: readonly string[] };
}

/** Sorts the emails of a mail server by address; emails with the same Message-ID are copies. */
export function createSortedMails(smtp: Pick<TestSmtpServer, 'mails'>): SortedMails {
  const boxes = new Map<string, { id: string; code: string }[]>();
  let read = 0;
  let mails = 0;
  const copies: string[] = [];

  function sortNewMails(): void {
    for (; read < smtp.mails.length; read++) {
      const mail = smtp.mails[read];
      const code = mail && codeIn(mail.text);
      // Notices come in addition.
      if (!code) continue;
      mails += 1;
      // `<id@domain>`
      const id = mail.header('message-id').replace(/^<|@.*$/g, '');
      for (const email of mail.recipients) {
        const box = boxes.get(email) ?? [];
        boxes.set(email, box);
        if (box.some((known) => known.id === id)) copies.push(id);
        else box.push({ id, code });
      }
    }
  }

  return {
    mailsTo(email) {
      sortNewMails();
      return boxes.get(email) ?? [];
    },
    totals() {
      sortNewMails();
      return { mails, copies };
    },
  };
}
