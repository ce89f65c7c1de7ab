// Sends requests with fetch.
import type { endpoints } from '../protocol/endpoints.ts';
import { VwsError } from './error.ts';
import { NoResponseError, type Reply } from './suite.ts';
import { rejection, type TimeLimit } from './timeLimit.ts';

/** An attempt may take half of the remaining time, so that a hanging connection leaves time for another attempt. */
const SHORTEST_ATTEMPT_MS = 5_000;
/** Longest response: that to a short request, and one with a text of control characters, which JSON makes six times longer. */
const SHORT_RESPONSE_BYTES = 1024 * 1024;
const RESPONSE_GROWTH = 8;
/** Longest response with a stored message: servers accept up to 64 MiB of text, which base64url, twice, makes 1.8 times longer. */
const LONG_RESPONSE_BYTES = 128 * 1024 * 1024;
const OPEN_PATH: (typeof endpoints)['openMessage']['path'] = '/open_message';

/** Sends one request, once. */
export type Post = (path: string, body: string, limit: TimeLimit) => Promise<Reply>;

/**
 * Creates the function that sends requests.
 *
 * @param url the server's base URL
 * @returns a function that throws {@link NoResponseError} if the request or its response is lost
 */
export function createPost(url: string, fetch: typeof globalThis.fetch = globalThis.fetch): Post {
  return async (path, body, limit) => {
    limit.signal.throwIfAborted();
    const attempt = new AbortController();
    const time = Math.max(limit.remaining() / 2, SHORTEST_ATTEMPT_MS);
    const cancel = limit.clock.startTimer(() => attempt.abort(new Error('No response in time.')), time);
    const stop = () => attempt.abort(limit.signal.reason);
    limit.signal.addEventListener('abort', stop);
    const silence = rejection(attempt.signal);
    try {
      const maxBytes = path === OPEN_PATH ? LONG_RESPONSE_BYTES : SHORT_RESPONSE_BYTES + RESPONSE_GROWTH * body.length;
      return await Promise.race([send(fetch, url + path, body, { signal: attempt.signal, maxBytes }), silence]);
    } catch (cause) {
      limit.signal.throwIfAborted();
      throw new NoResponseError(new VwsError('network', 'The server cannot be reached.', { cause }));
    } finally {
      cancel();
      limit.signal.removeEventListener('abort', stop);
    }
  };
}

async function send(
  fetch: typeof globalThis.fetch,
  url: string,
  body: string,
  { signal, maxBytes }: { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<Reply> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    credentials: 'omit',
    cache: 'no-store',
    // Requests are only for this server.
    redirect: 'error',
    signal,
  });
  const text = await readText(response, maxBytes);
  return {
    status: response.status,
    json: parseJson(text),
    retryAfter: parseRetryAfter(response.headers.get('retry-after')),
  };
}

/** @returns the empty text, which is not JSON, if the response is too long */
async function readText({ body }: Response, maxBytes: number): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let [text, length] = ['', 0];
  for (;;) {
    const { value } = (await reader?.read()) ?? {};
    if (!value) return text + decoder.decode();
    length += value.length;
    if (length > maxBytes) {
      reader?.cancel().catch(() => {});
      return '';
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns seconds; undefined for the form with a date, because clocks differ */
function parseRetryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}
