// Requests of suite 1 whose request line has unencoded spaces or non-ASCII bytes in its path.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { BodyBudget, BodyShare } from '../bodies/bodyBudget.ts';
import { closeWithStatus } from '../closeWithStatus.ts';
import {
  MAX_HEAD_LENGTH,
  type RawRequest,
  type ReadResult,
  SpacedRequestReader,
  spacedPath,
} from './spacedRequestReader.ts';
import { encodeRawPath } from './usernamePath.ts';

/*
 * Java's HttpURLConnection sends the path verbatim: a client that encrypts for "John Doe" sends the request line
 * `POST /encrypt/John Doe HTTP/1.1`, and one that encrypts for "Jürgen" sends non-ASCII bytes. Neither is valid HTTP
 * (RFC 9112, section 3.2), and Node's parser rejects it. RFC 9112 advises against correcting such lines; this one has a
 * single possible meaning, so it is parsed here and injected into the application, and the connection is then closed.
 */
const READ_TIMEOUT_MS = 15_000;
/** Connections that may be read at the same time, of all addresses and of one. */
export const MAX_READING = 256;
export const MAX_READING_PER_ADDRESS = 32;
/** Headers of the connection, and those that are set again. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'expect',
]);

export interface SpacedRequestsDependencies {
  /** Longest body in bytes. */
  readonly maxBodyLength: number;
  readonly budget: BodyBudget;
  readonly addressSubject: (address: string) => string;
  readonly isTrustedProxy: (address: string) => boolean;
}

/** Takes over the connections whose request line has spaces in the path. */
export class SpacedRequests {
  readonly #dependencies: SpacedRequestsDependencies;
  readonly #sockets = new WeakSet<Socket>();
  /** Number of connections being read, by address. */
  readonly #reading = new Map<string, number>();
  #readingCount = 0;

  constructor(dependencies: SpacedRequestsDependencies) {
    this.#dependencies = dependencies;
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
    this.#answer(app, socket, packet).catch(() => socket.destroy());
    return true;
  }

  async #answer(app: FastifyInstance, socket: Socket, packet: Buffer): Promise<void> {
    const request = await this.#read(socket, packet);
    if (request === 'incomplete') socket.destroy();
    else if (request === 'malformed') closeWithStatus(socket, 400);
    else if (request === 'overloaded') closeWithStatus(socket, 503);
    else await respond(app, socket, request);
  }

  /** Reads until the request is complete, within the limits for such connections. */
  async #read(socket: Socket, packet: Buffer): Promise<ReadResult> {
    const { budget, maxBodyLength, addressSubject, isTrustedProxy } = this.#dependencies;
    const { remoteAddress = '' } = socket;
    const address = addressSubject(remoteAddress);
    const ofAddress = this.#reading.get(address) ?? 0;
    const isLimited = !isTrustedProxy(remoteAddress);
    if (this.#readingCount >= MAX_READING || (isLimited && ofAddress >= MAX_READING_PER_ADDRESS)) return 'overloaded';

    this.#readingCount += 1;
    this.#reading.set(address, ofAddress + 1);
    const share: BodyShare = { address, isVerified: false, bytes: 0 };
    const reader = new SpacedRequestReader({ maxBodyLength, reserve: (bytes) => budget.reserve(share, bytes) });
    try {
      return await readAll(reader, socket, packet);
    } finally {
      // A complete request gets its memory from the budget again when it is injected.
      budget.release(share);
      this.#readingCount -= 1;
      const rest = (this.#reading.get(address) ?? 0) - 1;
      if (rest > 0) this.#reading.set(address, rest);
      else this.#reading.delete(address);
    }
  }
}

/** @returns whether a packet that Node's parser rejected starts with such a request line */
export function isSpacedRequest(packet: Buffer): boolean {
  return spacedPath(packet.toString('latin1', 0, MAX_HEAD_LENGTH)) !== undefined;
}

/** @returns `incomplete` if the connection ends before the request does */
async function readAll(reader: SpacedRequestReader, socket: Socket, packet: Buffer): Promise<ReadResult> {
  let result = reader.push(packet);
  if (result !== 'incomplete') return result;
  for await (const chunk of chunks(socket)) {
    result = reader.push(chunk);
    if (result !== 'incomplete') return result;
  }
  return socket.writable ? 'malformed' : 'incomplete';
}

/** Yields the chunks that arrive; ends with the connection or the timeout. */
async function* chunks(socket: Socket): AsyncGenerator<Buffer> {
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

async function respond(app: FastifyInstance, socket: Socket, request: RawRequest): Promise<void> {
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
