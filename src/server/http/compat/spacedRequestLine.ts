// Requests of suite 1 whose request line has unencoded spaces or non-ASCII bytes in its path.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { encodeRawPath } from './usernamePath.ts';

/*
 * Java's HttpURLConnection sends the path verbatim: a client that encrypts for "John Doe" sends the request line
 * `POST /encrypt/John Doe HTTP/1.1`, and one that encrypts for "Jürgen" sends non-ASCII bytes. Neither is valid HTTP
 * (RFC 9112, section 3.2), and Node's parser rejects it. RFC 9112 advises against correcting such lines; this one has a
 * single possible meaning, so it is parsed here and injected into the application, and the connection is then closed.
 */
const REQUEST_LINE = /^POST (\/encrypt\/.*) HTTP\/1\.[01]$/;
const NOT_HTTP = /[ \x80-\xff]/;
const MAX_HEAD_LENGTH = 16 * 1024;
const READ_TIMEOUT_MS = 15_000;
/** Headers of the connection, and those that are set again. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'expect',
]);

/** Takes over the connections whose request line has spaces in the path. */
export class SpacedRequests {
  readonly #maxBodyLength: number;
  readonly #sockets = new WeakSet<Socket>();

  /** @param maxBodyLength longest body in bytes */
  constructor(maxBodyLength: number) {
    this.#maxBodyLength = maxBodyLength;
  }

  /**
   * Answers the request that a packet begins, if it is such a request.
   *
   * @param packet the bytes that Node's parser rejected, from the request line on
   * @returns whether the request is being answered
   */
  accept(app: FastifyInstance, socket: Socket, packet: Buffer | undefined): boolean {
    // Further packets of a request that is being read arrive here as well.
    if (this.#sockets.has(socket)) return true;
    if (!packet || !isSpacedRequest(packet)) return false;
    this.#sockets.add(socket);
    answerSpacedRequest(app, socket, packet, this.#maxBodyLength).catch(() => socket.destroy());
    return true;
  }
}

/** @returns whether a packet that Node's parser rejected starts with such a request line */
export function isSpacedRequest(packet: Buffer): boolean {
  return spacedPath(packet.toString('latin1', 0, MAX_HEAD_LENGTH)) !== undefined;
}

async function answerSpacedRequest(
  app: FastifyInstance,
  socket: Socket,
  packet: Buffer,
  maxBodyLength: number,
): Promise<void> {
  const request = await readRequest(socket, packet, maxBodyLength);
  if (!request) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const response = await app.inject({
    method: 'POST',
    url: encodeRawPath(request.path),
    headers: request.headers,
    payload: request.body,
    remoteAddress: socket.remoteAddress ?? '',
  });
  const status = `HTTP/1.1 ${response.statusCode} ${STATUS_CODES[response.statusCode] ?? ''}`;
  const headers = Object.entries(response.headers)
    .filter(([name]) => !OWN_HEADERS.has(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}`);
  const head = [status, ...headers, `content-length: ${response.rawPayload.length}`, 'connection: close', '', ''];
  socket.write(head.join('\r\n'), 'latin1');
  socket.end(response.rawPayload);
}

interface RawRequest {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/**
 * Reads until the body is complete.
 *
 * @returns undefined if the body does not arrive, or if no client sends such a request
 */
async function readRequest(socket: Socket, packet: Buffer, maxBodyLength: number): Promise<RawRequest | undefined> {
  let received = packet;
  for await (const chunk of chunks(socket)) {
    received = Buffer.concat([received, chunk]);
    const parsed = parseRequest(received, maxBodyLength);
    if (parsed !== 'incomplete') return parsed;
  }
  return undefined;
}

/** Yields an empty chunk, then those that arrive; ends with the connection or the timeout. */
async function* chunks(socket: Socket): AsyncGenerator<Buffer> {
  yield Buffer.alloc(0);
  const expired = AbortSignal.timeout(READ_TIMEOUT_MS);
  const onExpired = () => socket.destroy();
  expired.addEventListener('abort', onExpired);
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch {
    // Closed or timed out: no response can be sent.
  } finally {
    expired.removeEventListener('abort', onExpired);
  }
}

function parseRequest(received: Buffer, maxBodyLength: number): RawRequest | 'incomplete' | undefined {
  const text = received.toString('latin1', 0, MAX_HEAD_LENGTH);
  const end = /\r?\n\r?\n/.exec(text);
  if (!end) return received.length < MAX_HEAD_LENGTH ? 'incomplete' : undefined;
  const path = spacedPath(text);
  const headers = parseHeaders(text.slice(0, end.index));
  const length = Number(headers['content-length']);
  if (path === undefined || 'transfer-encoding' in headers) return undefined;
  if (!Number.isSafeInteger(length) || length < 0 || length > maxBodyLength) return undefined;
  const body = received.subarray(end.index + end[0].length);
  if (body.length < length) return 'incomplete';
  return { path, headers, body: body.subarray(0, length) };
}

/** Returns the path in the first line of a head. One pattern for line and path would take quadratic time. */
function spacedPath(head: string): string | undefined {
  const end = head.indexOf('\n');
  const path = REQUEST_LINE.exec(head.slice(0, Math.max(0, end)).trimEnd())?.[1];
  return path !== undefined && NOT_HTTP.test(path) ? path : undefined;
}

function parseHeaders(head: string): Record<string, string> {
  const lines = head.split(/\r?\n/).slice(1);
  const pairs = lines.map((line) => {
    const [name = '', ...value] = line.split(':');
    return [name.trim().toLowerCase(), value.join(':').trim()];
  });
  return Object.fromEntries(pairs);
}
