// The order and number of requests that one connection sends before it has received their responses.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Browsers, the SDK and proxies wait for each response; no known client pipelines this many requests. */
export const MAX_UNANSWERED_REQUESTS = 8;

/**
 * Executes the requests of one connection one after another, and closes a connection with too many of them. A client that
 * does not read its responses thus costs the server the work and the memory of one.
 *
 * Node.js reads no further from such a connection, but passes on all requests that it has already read: more than a
 * thousand.
 */
export class Pipelining {
  readonly #unanswered = new WeakMap<Socket, Set<ServerResponse>>();

  /** Applies to all requests that reach a hook of the application, before any other hook. */
  limit(app: FastifyInstance): void {
    app.addHook('onRequest', (request, reply, done) => {
      const previous = [...this.#unansweredOf(request)].at(-1);
      if (!this.accept(request, reply)) return;
      if (!previous) done();
      else previous.once('close', () => !request.raw.socket.destroyed && done());
    });
  }

  /**
   * Counts a request.
   *
   * @returns false if it must not be answered, because its connection is closed
   */
  accept(request: FastifyRequest, reply: FastifyReply): boolean {
    const { socket } = request.raw;
    const unanswered = this.#unansweredOf(request);
    if (socket.destroyed || unanswered.size >= MAX_UNANSWERED_REQUESTS) {
      reply.hijack();
      socket.destroy();
      return false;
    }
    unanswered.add(reply.raw);
    reply.raw.once('close', () => unanswered.delete(reply.raw));
    return true;
  }

  #unansweredOf({ raw: { socket } }: FastifyRequest): Set<ServerResponse> {
    const known = this.#unanswered.get(socket);
    if (known) return known;
    const responses = new Set<ServerResponse>();
    this.#unanswered.set(socket, responses);
    return responses;
  }
}
