// HTTP/1.1 over a socket, for request lines that URL parsers reject.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { HttpResponse } from './suite1Client.ts';

const HEAD_END = '\r\n\r\n';
/** Long enough for the first piece to be read separately. */
const BETWEEN_PIECES_MS = 20;

/** A server that takes longer has hung. */
const TIMEOUT_MS = 15_000;

export interface RawConnection {
  /** Posts a body to `target`, written into the request line byte for byte. */
  post(target: Buffer, body: string): Promise<HttpResponse>;
  /** The same, but the request arrives in two pieces, the first one `cut` bytes long. */
  postInPieces(target: Buffer, body: string, cut: number): Promise<HttpResponse>;
  close(): void;
}

/** Opens a connection that is kept alive until {@link RawConnection.close}. */
export async function openRawConnection(url: string): Promise<RawConnection> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay();
  await once(socket, 'connect');
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  // One character per byte, so that positions in the text are positions in the bytes.
  socket.setEncoding('latin1');

  const requestBytes = (target: Buffer, body: string): Buffer =>
    Buffer.concat([
      Buffer.from('POST '),
      target,
      Buffer.from(
        ` HTTP/1.1\r\nUser-Agent: Java/21\r\nHost: ${host}\r\nAccept: */*\r\nConnection: keep-alive\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}${HEAD_END}${body}`,
      ),
    ]);

  return {
    post(target, body) {
      const answer = readResponse(socket);
      socket.write(requestBytes(target, body));
      return answer;
    },
    async postInPieces(target, body, cut) {
      const bytes = requestBytes(target, body);
      socket.write(bytes.subarray(0, cut));
      await delay(BETWEEN_PIECES_MS);
      const answer = readResponse(socket);
      socket.write(bytes.subarray(cut));
      return answer;
    },
    close() {
      socket.destroy();
    },
  };
}

/** Reads one response with a Content-Length. @throws if the connection closes before it is complete */
function readResponse(socket: Socket): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    if (socket.closed) reject(new Error('the connection is closed already'));
    let received = '';
    const settle = (settled: () => void): void => {
      socket.off('data', onData).off('close', onClose).off('error', onClose);
      settled();
    };
    const onClose = (): void => settle(() => reject(new Error(`closed after ${JSON.stringify(received)}`)));
    const onData = (bytes: string): void => {
      received += bytes;
      const answer = parseResponse(received);
      if (answer) settle(() => resolve(answer));
    };
    socket.on('data', onData).on('close', onClose).on('error', onClose).resume();
  });
}

function parseResponse(received: string): HttpResponse | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = received.slice(0, headEnd);
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
  assert.ok(Number.isInteger(length), `no Content-Length in ${head}`);
  const body = received.slice(headEnd + HEAD_END.length);
  if (body.length < length) return undefined;
  assert.equal(body.length, length, 'nothing follows the response');
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]),
    contentType: /^content-type: *(.*)$/im.exec(head)?.[1]?.trim() ?? '',
    text: Buffer.from(body, 'latin1').toString('utf8'),
  };
}
