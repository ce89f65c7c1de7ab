// The Fastify instance: its limits, hooks and error handling, with all routes mounted.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import fastify, { type FastifyInstance } from 'fastify';
import { Problem } from '../../protocol/problems.ts';
import { errorFields, type Logger } from '../log.ts';
import { acceptAnyBody, maxBodyLength, suiteOf } from './body.ts';
import { SpacedRequests } from './compat/spacedRequestLine.ts';
import { isolateUsername, MAX_SEGMENT_LENGTH } from './compat/usernamePath.ts';
import { drainOnClose } from './drain.ts';
import { setHeaders } from './headers.ts';
import { addDocumentation, addMetaRoutes, type MetaDependencies } from './meta.ts';
import { replyWithProblem } from './replies.ts';
import { addRoutes, type RouteDependencies } from './routes.ts';

const HEADERS_TIMEOUT_MS = 15_000;
/** For a whole request: 1 MiB takes a long time on a slow connection. */
const REQUEST_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** Interval at which the timeouts of connections are checked. */
const CONNECTION_CHECK_INTERVAL_MS = 5_000;
/** Preflight requests are cached for two hours, the longest that all browsers allow; pages may read Retry-After. */
const CORS = { methods: ['POST', 'GET'], exposedHeaders: ['Retry-After'], maxAge: 2 * 60 * 60 };

export interface HttpServerDependencies extends RouteDependencies, MetaDependencies {
  readonly maxTextBytes: number;
  readonly maxConnections: number;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly log: Logger;
}

/** Creates the HTTP server, not listening yet. */
export async function createHttpServer(dependencies: HttpServerDependencies): Promise<FastifyInstance> {
  const { trustedProxies, corsOrigins, maxConnections, maxTextBytes, version, log } = dependencies;
  const bodyLimit = maxBodyLength(maxTextBytes);
  const spacedRequests = new SpacedRequests(bodyLimit);

  const app = fastify({
    logger: false,
    bodyLimit,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CONNECTION_CHECK_INTERVAL_MS },
    forceCloseConnections: 'idle',
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    routerOptions: { maxParamLength: MAX_SEGMENT_LENGTH },
    genReqId: createRequestIds(),
    rewriteUrl: ({ url = '/' }) => isolateUsername(url),
    // These errors precede all hooks.
    frameworkErrors: (error, request, reply) => replyWithProblem(setHeaders(request, reply), problemOf(error), 1),
    clientErrorHandler(error, socket) {
      // A Buffer, contrary to its declared type.
      const packet = error.rawPacket as unknown as Buffer | undefined;
      if (!spacedRequests.accept(app, socket, packet)) rejectMalformed(socket, error.code);
    },
  });
  app.server.maxConnections = maxConnections;

  acceptAnyBody(app);
  drainOnClose(app);
  addHooks(app, log);
  if (corsOrigins.length > 0) await app.register(cors, { ...CORS, origin: [...corsOrigins] });
  await addDocumentation(app, version);
  addRoutes(app, dependencies, bodyLimit);
  addMetaRoutes(app, dependencies);
  return app;
}

function addHooks(app: FastifyInstance, log: Logger): void {
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(request, reply);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    log.info({ requestId: request.id, route, status: reply.statusCode, ms }, 'request');
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.code === 'internal_error' || problem.code === 'store_unavailable') {
      log.error({ requestId: request.id, error: errorFields(error) }, problem.code);
    }
    return replyWithProblem(reply, problem, suiteOf(request));
  });
  app.setNotFoundHandler((_request, reply) => replyWithProblem(reply, new Problem('route_not_found'), 1));
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = (error as { statusCode?: unknown }).statusCode;
  if (status === 413) return new Problem('payload_too_large');
  if (typeof status === 'number' && status >= 400 && status < 500) return new Problem('malformed_request');
  if (status === 503) return new Problem('overloaded', { retryAfterSeconds: 1 });
  return new Problem('internal_error', { cause: error });
}

function rejectMalformed(socket: Socket, code: string | undefined): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function createRequestIds(): (request: unknown) => string {
  const prefix = randomBytes(4).toString('hex');
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}
