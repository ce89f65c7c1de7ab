// Stopping: waits for the requests in progress and closes all other connections.
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Interval at which finished connections are closed while stopping. */
const CHECK_INTERVAL_MS = 25;
/** Time that a request has to arrive completely while stopping. */
const ARRIVAL_GRACE_MS = 500;

/**
 * Makes `app.close()` wait for requests that are being executed, and for nothing else: neither for a connection whose
 * last response was just sent, nor for a request that never arrives completely.
 */
export function drainOnClose(app: FastifyInstance): void {
  const connections = new Set<Socket>();
  const executing = new Map<Socket, number>();
  const count = (socket: Socket, change: number) => executing.set(socket, (executing.get(socket) ?? 0) + change);

  app.server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => {
      connections.delete(socket);
      executing.delete(socket);
    });
  });
  // Runs after the body has arrived.
  app.addHook('preHandler', async (request) => {
    count(request.raw.socket, 1);
  });
  app.addHook('onResponse', async (request) => {
    const { socket } = request.raw;
    if (executing.has(socket)) count(socket, -1);
  });
  app.addHook('preClose', async () => {
    const since = performance.now();
    const timer = setInterval(() => {
      app.server.closeIdleConnections();
      if (performance.now() - since < ARRIVAL_GRACE_MS) return;
      for (const socket of connections) if (!executing.get(socket)) socket.destroy();
    }, CHECK_INTERVAL_MS);
    app.server.once('close', () => clearInterval(timer));
  });
}
