// The Fastify instance: its limits, hooks and error handling, with all routes mounted.
import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { Problem } from '../../protocol/problems.ts';
import { clientAddress, createNetworkCheck, isLoopback } from '../limits/clientAddress.ts';
import { errorFields, type Logger } from '../log.ts';
import { BodyReader } from './bodies/bodyReader.ts';
import { acceptAnyBody, maxBodyLength, noteSuite, SHORT_BODY_LIMIT, suiteOf } from './body.ts';
import { closeWithStatus } from './closeWithStatus.ts';
import { SpacedRequests } from './compat/spacedRequestLine.ts';
import { isolateUsername, MAX_SEGMENT_LENGTH } from './compat/usernamePath.ts';
import { limitConnections } from './connectionLimit.ts';
import { drainOnClose } from './drain.ts';
import { setHeaders } from './headers.ts';
import { createHostCheck, hasSeveralHosts } from './hostCheck.ts';
import { addDocumentation, addMetaRoutes, type MetaDependencies } from './meta.ts';
import { refuseForeignPages } from './originCheck.ts';
import { Pipelining } from './pipelining.ts';
import { replyWithProblem } from './replies.ts';
import { addRoutes, checkSession, type RouteDependencies } from './routes.ts';

const HEADERS_TIMEOUT_MS = 15_000;
/** For a whole request: 1 MiB takes a long time on a slow connection. */
const REQUEST_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** Interval at which the timeouts of connections are checked. */
const CONNECTION_CHECK_INTERVAL_MS = 5_000;
/** Preflight requests are cached for two hours, the longest that all browsers allow; pages may read Retry-After. */
const CORS = { methods: ['POST', 'GET'], exposedHeaders: ['Retry-After'], maxAge: 2 * 60 * 60 };

export interface HttpServerDependencies extends Omit<RouteDependencies, 'subjectOf'>, MetaDependencies {
  /** Maps an IP address to the subject of its rate limits. */
  readonly addressSubject: (address: string) => string;
  readonly config: HttpConfig;
  readonly log: Logger;
}

/** The settings of the HTTP server. */
export interface HttpConfig {
  readonly host: string;
  readonly acceptsSuite1: boolean;
  readonly maxTextBytes: number;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Host names that are accepted on the loopback interface, in addition to its own. */
  readonly allowedHosts: readonly string[];
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Bytes. */
  readonly maxBodyMemory: number;
  /** Bytes per second. */
  readonly minBodyRate: number;
}

/** Creates the HTTP server, not listening yet. */
export async function createHttpServer(dependencies: HttpServerDependencies): Promise<FastifyInstance> {
  const { config, addressSubject, version, log } = dependencies;
  const { trustedProxies, corsOrigins } = config;
  const bodyLimit = maxBodyLength(config.maxTextBytes);
  const isTrustedProxy = createNetworkCheck(trustedProxies);
  const subjectOf = ({ headers, raw }: FastifyRequest) => {
    const forwardedFor = headers['x-forwarded-for'];
    return addressSubject(clientAddress(raw.socket.remoteAddress ?? '', forwardedFor?.toString(), isTrustedProxy));
  };
  const routeDependencies = { ...dependencies, subjectOf };
  const bodies = new BodyReader({
    maxBodyMemory: config.maxBodyMemory,
    longestBody: Math.max(bodyLimit, SHORT_BODY_LIMIT),
    minBodyRate: config.minBodyRate,
    subjectOf,
    noteSessionKey: (request, sessionKey) => noteSuite(request, { session_key: sessionKey }),
    checkSession: (request, sessionKey) => checkSession(routeDependencies, request, sessionKey),
  });
  const { budget } = bodies;
  const spacedRequests = config.acceptsSuite1
    ? new SpacedRequests({ maxBodyLength: bodyLimit, budget, addressSubject, isTrustedProxy })
    : undefined;
  const pipelining = new Pipelining();

  const app = fastify({
    logger: false,
    bodyLimit,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CONNECTION_CHECK_INTERVAL_MS },
    forceCloseConnections: 'idle',
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    routerOptions: { maxParamLength: MAX_SEGMENT_LENGTH },
    genReqId: () => randomUUID(),
    rewriteUrl: ({ url = '/' }) => isolateUsername(url),
    // These errors precede all hooks.
    frameworkErrors(error, request, reply) {
      if (pipelining.accept(request, reply)) replyWithProblem(setHeaders(request, reply), problemOf(error), 1);
    },
    clientErrorHandler(error, socket) {
      // A Buffer, contrary to its declared type.
      const packet = error.rawPacket as unknown as Buffer | undefined;
      if (spacedRequests?.accept(app, socket, packet)) return;
      if (error.code === 'ECONNRESET') socket.destroy();
      else closeWithStatus(socket, error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400);
    },
  });
  app.server.maxConnections = config.maxConnections;
  limitConnections(app.server, { maxPerAddress: config.maxConnectionsPerAddress, addressSubject, isTrustedProxy });

  pipelining.limit(app);
  acceptAnyBody(app, bodies);
  drainOnClose(app);
  addHooks(app, log);
  if (isLoopback(config.host)) addHostCheck(app, config.allowedHosts, isTrustedProxy);
  refuseForeignPages(app, corsOrigins);
  if (corsOrigins.length > 0) await app.register(cors, { ...CORS, origin: [...corsOrigins] });
  await addDocumentation(app, version);
  addRoutes(app, routeDependencies, bodyLimit);
  addMetaRoutes(app, dependencies);
  return app;
}

/** A trusted proxy is responsible for the host names of its clients. */
function addHostCheck(
  app: FastifyInstance,
  names: readonly string[],
  isTrustedProxy: (address: string) => boolean,
): void {
  const isAllowed = createHostCheck(names);
  app.addHook('onRequest', (request, _reply, done) => {
    if (isAllowed(request.headers.host) || isTrustedProxy(request.raw.socket.remoteAddress ?? '')) done();
    else done(malformed('Unknown host name. ALLOWED_HOSTS lists those of the server.'));
  });
}

function addHooks(app: FastifyInstance, log: Logger): void {
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(request, reply);
    if (hasSeveralHosts(request.raw.rawHeaders)) throw malformed('The request has several Host headers.');
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

function malformed(detail: string): Problem {
  return new Problem('malformed_request', { detail });
}
