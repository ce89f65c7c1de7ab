// One POST with node:http, for tests that choose the connection and every header.
import { type Agent, request as httpRequest } from 'node:http';
import type { HttpResponse } from './suite1Client.ts';

export interface PostOptions {
  /** A connection of its own if false. */
  readonly agent: Agent | false;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** A response with its Retry-After header. */
export interface TimedResponse extends HttpResponse {
  readonly retryAfter: string | undefined;
}

/** Rejects if the connection breaks before the response is complete. */
export function httpPost(url: string, body: Uint8Array, options: PostOptions): Promise<TimedResponse> {
  const { agent, headers, timeoutMs: timeout } = options;
  return new Promise((resolve, reject) => {
    const sent = { method: 'POST', agent, timeout, headers: { 'content-length': body.length, ...headers } };
    const request = httpRequest(url, sent, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString('utf8'),
          retryAfter: response.headers['retry-after'],
        }),
      );
    });
    request.on('timeout', () => request.destroy(new Error('no response in time: the server hangs')));
    request.on('error', reject);
    request.end(body);
  });
}
