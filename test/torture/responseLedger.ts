// Compares responses to copies of one request.
import { createHash } from 'node:crypto';
import type { Oracle } from './oracle.ts';

/** In bytes; larger responses to these requests are recomputed, and encrypted again, instead of being stored. */
const MAX_STORED_ANSWER = 16 * 1024;
const REBUILT = /^\/(?:encrypt\/|decrypt$|open_message$)/;
/** Number of requests to remember, newest first. */
const MAX_REMEMBERED = 5_000;

/** Checks that all copies of a request get the same response. */
export interface ResponseLedger {
  /** @param status of the response, with its body verbatim */
  record(path: string, requestBody: Buffer, status: number, answerBody: Buffer): void;
}

export function createResponseLedger(oracle: Oracle): ResponseLedger {
  const answers = new Map<string, { readonly status: number; readonly body: Buffer }>();

  return {
    record(path, requestBody, status, answerBody) {
      // Handshakes are outside of sessions, and other statuses mean that nothing was executed.
      if (path === '/create_session_key' || status < 200 || status > 202) return;
      if (REBUILT.test(path) && answerBody.length > MAX_STORED_ANSWER) return;
      const request = createHash('sha256').update(`${path}\0`).update(requestBody).digest('hex');
      const first = answers.get(request);
      if (!first) {
        answers.set(request, { status, body: answerBody });
        const [oldest] = answers.keys();
        if (answers.size > MAX_REMEMBERED && oldest !== undefined) answers.delete(oldest);
      } else if (first.status === status && first.body.equals(answerBody)) {
        oracle.count('same answer again');
      } else {
        oracle.report(
          'proxy',
          'the same bytes get the same answer',
          `POST ${path}: first ${first.status} ${first.body}, then ${status} ${answerBody}; request ${requestBody}`,
        );
      }
    },
  };
}
