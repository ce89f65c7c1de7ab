// Raw connections, for misbehaving clients.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

const TIMEOUT_MS = 15_000;

type Cleanup = Pick<TestContext, 'after'>;

/** Opens a connection that is closed after the test at the latest; its errors are ignored. */
export async function openSocket(t: Cleanup, url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay();
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes and reads until the other side closes or the time is up. */
export async function converse(t: Cleanup, url: string, bytes: string | Buffer): Promise<string> {
  const socket = await openSocket(t, url);
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  socket.write(bytes);
  await closed(socket, TIMEOUT_MS);
  socket.destroy();
  return received;
}

/** Waits for the end of a connection. @returns false if the time is up first */
export async function closed(socket: Socket, milliseconds: number): Promise<boolean> {
  if (socket.closed) return true;
  socket.resume();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  socket.once('close', () => resolve(true));
  return promise.finally(() => clearTimeout(timer));
}
