// Responses to connections that cannot be answered as requests.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** Time for the client to read the response: closing at once would discard it if the client is still sending. */
const LINGER_MS = 2_000;

/** Sends an empty response and closes the connection. */
export function closeWithStatus(socket: Socket, status: 400 | 408 | 429 | 503): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const retryAfter = status === 429 || status === 503 ? 'Retry-After: 1\r\n' : '';
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${retryAfter}Connection: close\r\nContent-Length: 0\r\n\r\n`,
  );
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}
