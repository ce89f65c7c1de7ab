// Requests to the faulty proxy.
import { httpPost, type TimedResponse } from '../support/httpPost.ts';
import type { PreparedRequest } from '../support/suite1Client.ts';
import { FAULT_HEADER, type Fault } from './faults.ts';

/** A server that takes longer has hung. */
const TIMEOUT_MS = 30_000;

/** The connection broke before the response was complete: it is unknown whether the request was executed. */
export class LostResponse extends Error {}

/** The address that the proxy reports, by which the limits count. */
export const ADDRESS_HEADER = 'x-forwarded-for';

/**
 * Sends a request once, on a connection of its own.
 *
 * @param address the client's address as the limits see it
 * @throws LostResponse
 */
export async function sendOnce(
  url: string,
  { path, body }: Pick<PreparedRequest, 'path' | 'body'>,
  fault: Fault,
  address: string,
): Promise<TimedResponse> {
  const headers = {
    'content-type': 'application/json',
    [ADDRESS_HEADER]: address,
    'x-forwarded-proto': 'https',
    ...(fault !== 'none' && { [FAULT_HEADER]: fault }),
  };
  try {
    return await httpPost(url + path, Buffer.from(body), { agent: false, headers, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw new LostResponse((error as Error).message);
  }
}
