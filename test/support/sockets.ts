/** Connections of clients that do not behave. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

const PATIENCE_MILLISECONDS = 15_000;

type Cleanup = Pick<TestContext, 'after'>;

/** A connection that is broken at the end of the test at the latest, and whose errors are nobody's concern. */
export async function openSocket(t: Cleanup, url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay();
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes and reads until the other side closes, or some seconds have passed. */
export async function converse(t: Cleanup, url: string, bytes: string | Buffer): Promise<string> {
  const socket = await openSocket(t, url);
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  socket.write(bytes);
  await closed(socket, PATIENCE_MILLISECONDS);
  socket.destroy();
  return received;
}

/** Waits for the end of a connection. @returns false if it does not come in time */
export async function closed(socket: Socket, milliseconds: number): Promise<boolean> {
  if (socket.closed) return true;
  socket.resume();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const impatience = setTimeout(() => resolve(false), milliseconds);
  socket.once('close', () => resolve(true));
  return promise.finally(() => clearTimeout(impatience));
}
