import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import {
  type Endpoint,
  type EndpointName,
  endpoints,
  HANDSHAKE_PATH,
  pathWithoutName,
} from '../../protocol/endpoints.ts';
import { PROBLEMS_PATH, Problem, problems } from '../../protocol/problems.ts';
import { SUITE2, speaksSuite2 } from '../../protocol/suite2.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { errorFields } from '../log.ts';
import type { Exchange } from '../sessions/exchange.ts';
import type { Handler, Handlers } from '../sessions/handler.ts';
import type { Body } from '../sessions/suites/suite.ts';
import { parseBody, textField } from './body.ts';
import { answerSpacedRequest, isSpacedRequest } from './compat/spacedRequestLine.ts';
import { isolateUsername, usernameCandidates } from './compat/usernamePath.ts';
import { drainOnClose } from './drain.ts';
import { apiInfo, handshakeSchema, sealedSchema } from './openapi.ts';
import { replyWithJson, replyWithProblem } from './replies.ts';

/** Milliseconds that a client has for the head of a request. */
const HEADERS_TIMEOUT = 15_000;
/** Milliseconds that a client has for a whole request; a megabyte on a bad line takes some. */
const REQUEST_TIMEOUT = 120_000;
/** Milliseconds after which a connection without a request is closed. */
const KEEP_ALIVE_TIMEOUT = 65_000;
/** How often the above are looked at, in milliseconds. */
const CONNECTION_CHECK_INTERVAL = 5_000;
/** A name of 64 characters, each of 4 bytes, each byte percent-encoded twice. */
const MAX_PATH_PARAMETER = 64 * 4 * 9;
/** What a body has beside its one long text. */
const BODY_ALLOWANCE = 64 * 1024;
/** A text grows by 4/3 in an envelope and by 4/3 under its seal, plus padding and escapes. */
const BODY_GROWTH = 3;
/** Longest body, in bytes, of a request without a message. */
const SHORT_BODY_LIMIT = 256 * 1024;

/** The defaults of helmet (https://helmetjs.github.io) that mean something for an API, as constants. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-frame-options': 'SAMEORIGIN',
} as const;
const API_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";
/** The page and all that it loads come from here, over plain HTTP, too, where somebody tries the server out. */
const DOCS_CONTENT_SECURITY_POLICY =
  "default-src 'self'; base-uri 'self'; frame-ancestors 'self'; img-src 'self' data:; object-src 'none'; script-src-attr 'none'; style-src 'self' 'unsafe-inline'";
const DOCS_PATH = '/docs';
/** Browsers ask once for two hours, the longest that they all take, and let pages see when to come back. */
const CORS = { methods: ['POST', 'GET'], exposedHeaders: ['Retry-After'], maxAge: 2 * 60 * 60 };
const hidden = { schema: { hide: true } as object };

const suite2Requests = new WeakSet<FastifyRequest>();

export interface HttpServerDependencies {
  readonly exchange: Pick<Exchange, 'openSession' | 'run'>;
  readonly handlers: Handlers;
  readonly checkHandshakeRate: RateLimitCheck;
  /** What requests of one address are counted by. */
  readonly addressSubject: (address: string) => string;
  /** Resolves if the server can do its work. */
  readonly checkReady: () => Promise<void>;
  /** What clients may know of the server: its identity, its current key, its suites. */
  readonly describeServer: () => Promise<object>;
  readonly version: string;
  readonly maxTextBytes: number;
  readonly maxConnections: number;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly log: Logger;
}

/** Puts the HTTP side together, without listening. */
export async function createHttpServer(dependencies: HttpServerDependencies): Promise<FastifyInstance> {
  const { exchange, handlers, checkHandshakeRate, addressSubject, trustedProxies, corsOrigins, log } = dependencies;
  const bodyLimit = dependencies.maxTextBytes * BODY_GROWTH + BODY_ALLOWANCE;
  const spacedSockets = new WeakSet<Socket>();

  const app = fastify({
    logger: false,
    bodyLimit,
    requestTimeout: REQUEST_TIMEOUT,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
    http: { headersTimeout: HEADERS_TIMEOUT, connectionsCheckingInterval: CONNECTION_CHECK_INTERVAL },
    forceCloseConnections: 'idle',
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    routerOptions: { maxParamLength: MAX_PATH_PARAMETER },
    genReqId: createRequestIds(),
    rewriteUrl: (request) => isolateUsername(request.url ?? '/'),
    // These come before any hook.
    frameworkErrors: (error, request, reply) => replyWithProblem(setOwnHeaders(request, reply), problemOf(error), 1),
    clientErrorHandler(error, socket) {
      // Further packets of a request that is being read by hand arrive here, too.
      if (spacedSockets.has(socket)) return;
      const packet = error.rawPacket as unknown as Buffer | undefined;
      if (packet && isSpacedRequest(packet)) {
        spacedSockets.add(socket);
        answerSpacedRequest(app, socket, packet, bodyLimit).catch(() => socket.destroy());
        return;
      }
      refuseUnreadable(socket, error.code);
    },
  });
  app.server.maxConnections = dependencies.maxConnections;

  acceptAnyBody(app);
  drainOnClose(app);
  addHooks(app, log);
  if (corsOrigins.length > 0) await app.register(cors, { ...CORS, origin: [...corsOrigins] });
  await addDocumentation(app, dependencies.version);

  app.post(HANDSHAKE_PATH, { schema: handshakeSchema, bodyLimit: SHORT_BODY_LIMIT }, async (request, reply) => {
    const address = addressSubject(request.ip);
    const { status, body } = await exchange.openSession(readBody(request), (tx) => checkHandshakeRate(tx, address));
    return replyWithJson(reply, status, body);
  });
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: Endpoint = endpoints[name];
    const handler: Handler = handlers[name];
    const schema = sealedSchema(name, endpoint);
    const limit = 'message' in endpoint.fields ? bodyLimit : SHORT_BODY_LIMIT;
    const answer = async (request: FastifyRequest, reply: FastifyReply) => {
      const segment = (request.params as { username?: string }).username ?? '';
      const body = readBody(request);
      const { status, body: json } = await exchange.run(handler, {
        endpoint,
        body,
        sessionKey: textField(body, 'session_key'),
        bytes: [Buffer.from(`${request.url}\0`), request.body as Buffer],
        address: addressSubject(request.ip),
        recipientNames: usernameCandidates(segment),
      });
      return replyWithJson(reply, status, json);
    };
    app.post(endpoint.path, { schema, bodyLimit: limit }, answer);
    if (endpoint.pathField) app.post(pathWithoutName(endpoint), { ...hidden, bodyLimit: limit }, answer);
  }
  addHealth(app, dependencies);
  addIntroduction(app, dependencies);
  return app;
}

/** Reads the body, and notes in which suite a problem is to be told. */
function readBody(request: FastifyRequest): Body {
  const body = parseBody(request.body);
  if (speaksSuite2(body)) suite2Requests.add(request);
  return body;
}

function suiteOf(request: FastifyRequest): number {
  return suite2Requests.has(request) ? SUITE2 : 1;
}

/** Existing clients name many content types, or none; what counts is whether the bytes are JSON. */
function acceptAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  // A type that is none would be refused before any parser is asked.
  app.addHook('onRequest', async (request) => {
    request.headers['content-type'] = undefined;
  });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

function addHooks(app: FastifyInstance, log: Logger): void {
  app.addHook('onRequest', async (request, reply) => {
    setOwnHeaders(request, reply);
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

function setOwnHeaders(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers(SECURITY_HEADERS).header('x-request-id', request.id);
  if (!request.url.startsWith(DOCS_PATH)) reply.header('content-security-policy', API_CONTENT_SECURITY_POLICY);
  return reply;
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = (error as { statusCode?: unknown }).statusCode;
  if (status === 413) return new Problem('payload_too_large');
  if (typeof status === 'number' && status >= 400 && status < 500) return new Problem('malformed_request');
  if (status === 503) return new Problem('overloaded', { retryAfterSeconds: 1 });
  return new Problem('internal_error', { cause: error });
}

function refuseUnreadable(socket: Socket, code: string | undefined): void {
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

async function addDocumentation(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { ...apiInfo, version } } });
  await app.register(swaggerUi, {
    routePrefix: DOCS_PATH,
    staticCSP: DOCS_CONTENT_SECURITY_POLICY,
    // The bar would show the framework's name and another address of the same document.
    theme: { title: apiInfo.title, css: [{ filename: 'theme.css', content: '.swagger-ui .topbar { display: none }' }] },
  });
  app.get('/', hidden, async (_request, reply) => reply.redirect(DOCS_PATH));
  app.get('/openapi.json', hidden, async (_request, reply) => replyWithJson(reply, 200, JSON.stringify(app.swagger())));
}

/** What a client can know of the server before it speaks to it. */
function addIntroduction(app: FastifyInstance, { describeServer }: HttpServerDependencies): void {
  app.get('/.well-known/vws', hidden, async (_request, reply) =>
    replyWithJson(reply, 200, JSON.stringify(await describeServer())),
  );
  app.get(PROBLEMS_PATH, hidden, async (_request, reply) => {
    const rows = Object.entries(problems).map(([code, { status, title }]) => [code, { status, title }]);
    return replyWithJson(reply, 200, JSON.stringify(Object.fromEntries(rows)));
  });
}

function addHealth(app: FastifyInstance, { checkReady, version }: HttpServerDependencies): void {
  const json = (value: unknown) => JSON.stringify(value);
  app.get('/health/live', hidden, async (_request, reply) => replyWithJson(reply, 200, json({ status: 'ok' })));
  app.get('/health/ready', hidden, async (_request: FastifyRequest, reply) => {
    await checkReady();
    return replyWithJson(reply, 200, json({ status: 'ok' }));
  });
  app.get('/version', hidden, async (_request, reply) => replyWithJson(reply, 200, json({ version })));
}
