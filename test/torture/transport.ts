import { request as httpRequest } from 'node:http';
import type { HttpAnswer, PreparedRequest } from '../support/suite1Client.ts';
import { FAULT_HEADER, type Fault } from './faults.ts';

/** A server that says nothing for so long has hung. */
const PATIENCE_MILLISECONDS = 30_000;

/** The connection broke before the answer was whole: nobody knows whether the request was executed. */
export class LostAnswer extends Error {}

/** Whom the proxy speaks for, if not for itself: the limits are counted by it. */
export const ADDRESS_HEADER = 'x-forwarded-for';

/** An answer with the header that says when to come back. */
export interface TimedAnswer extends HttpAnswer {
  readonly retryAfter: string | undefined;
}

/**
 * Sends a request once, on a connection of its own.
 *
 * @param address where it comes from, as the limits see it
 * @throws LostAnswer
 */
export function sendOnce(
  url: string,
  { path, body }: Pick<PreparedRequest, 'path' | 'body'>,
  fault: Fault,
  address: string,
): Promise<TimedAnswer> {
  return new Promise((resolve, reject) => {
    const lost = (reason: string) => reject(new LostAnswer(reason));
    const request = httpRequest(
      url + path,
      {
        method: 'POST',
        agent: false,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          [ADDRESS_HEADER]: address,
          ...(fault !== 'none' && { [FAULT_HEADER]: fault }),
        },
        timeout: PATIENCE_MILLISECONDS,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', (error) => lost(error.message));
        response.on('aborted', () => lost('cut off'));
        response.on('end', () => {
          if (!response.complete) return lost('cut off');
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString('utf8'),
            retryAfter: response.headers['retry-after'],
          });
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error) => lost(error.message));
    request.end(body);
  });
}
