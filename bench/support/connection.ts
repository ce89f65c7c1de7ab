// A minimal HTTP client that costs less than the servers that it measures.
import { connect } from 'node:net';

interface HttpResponse {
  readonly status: number;
  readonly body: string;
}

/** A persistent connection that carries one request at a time. */
export interface Connection {
  post(path: string, body: string): Promise<HttpResponse>;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * Opens a connection that understands only responses with a Content-Length, as the servers here send them. The client of
 * node:http takes more time for a request than the servers do, so that it would distort the measurement.
 *
 * @param url `http://address:port`
 */
export async function openConnection(url: string): Promise<Connection> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const ready = Promise.withResolvers<void>();
  let waiting: PromiseWithResolvers<HttpResponse> | undefined;
  let received: Buffer = Buffer.alloc(0);
  let failure: Error | undefined;

  socket.on('connect', () => ready.resolve());
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = parseResponse(received);
    if (!answer) return;
    received = Buffer.alloc(0);
    waiting?.resolve(answer);
    waiting = undefined;
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server closed the connection')));

  function fail(error: Error): void {
    failure ??= error;
    ready.reject(error);
    waiting?.reject(error);
    waiting = undefined;
  }

  await ready.promise;
  return {
    async post(path, body) {
      if (failure) throw failure;
      const length = Buffer.byteLength(body);
      waiting = Promise.withResolvers<HttpResponse>();
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`,
      );
      return waiting.promise;
    },
  };
}

export async function openConnections(url: string, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => openConnection(url)));
}

/**
 * Sends a request.
 *
 * @returns the body of the response
 * @throws Error if the status is not 200
 */
export async function postOk(connection: Connection, path: string, request: string): Promise<string> {
  const { status, body } = await connection.post(path, request);
  if (status !== 200) throw new Error(`${path} returned ${status}: ${body.slice(0, 200)}`);
  return body;
}

/** @returns undefined while the response is incomplete */
function parseResponse(received: Buffer): HttpResponse | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error('a response without Content-Length');
  const bodyStart = headEnd + HEAD_END.length;
  if (received.length < bodyStart + Number(length)) return undefined;
  return { status: Number(head.slice(9, 12)), body: received.toString('utf8', bodyStart, bodyStart + Number(length)) };
}
