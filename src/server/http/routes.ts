// The routes of the protocol: the handshake, and one route per endpoint inside a session.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  type Endpoint,
  type EndpointName,
  endpoints,
  type Feature,
  HANDSHAKE_PATH,
  pathWithoutName,
} from '../../protocol/endpoints.ts';
import { Problem } from '../../protocol/problems.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import type { UnknownSessions } from '../limits/unknownSessions.ts';
import type { Exchange } from '../sessions/exchange.ts';
import type { Handler, Handlers } from '../sessions/handler.ts';
import { readBody, SHORT_BODY_LIMIT, suiteOf, textField } from './body.ts';
import { usernameCandidates } from './compat/usernamePath.ts';
import { handshakeSchema, hidden, sealedSchema } from './openapi.ts';
import { replyWithJson } from './replies.ts';
import { isForgeable } from './suite1Transport.ts';

export interface RouteDependencies {
  readonly exchange: Pick<Exchange, 'openSession' | 'knowsSession' | 'run'>;
  readonly handlers: Handlers;
  /** Capabilities of the server; the endpoints of others do not exist. */
  readonly features: readonly Feature[];
  readonly checkHandshakeRate: RateLimitCheck;
  /** Accepts suite 1 without HTTPS, also from other machines. */
  readonly allowsInsecureSuite1: boolean;
  /** Returns the subject of the rate limits of a request's client. */
  readonly subjectOf: (request: FastifyRequest) => string;
  readonly unknownSessions: UnknownSessions;
}

/**
 * Looks up the session of a request before its whole body is read or hashed.
 *
 * @throws Problem `session_not_found`, `too_many_requests`
 */
export async function checkSession(
  { exchange, subjectOf, unknownSessions }: RouteDependencies,
  request: FastifyRequest,
  sessionKey: string,
): Promise<void> {
  if (!(await exchange.knowsSession(sessionKey))) throw unknownSessions.count(subjectOf(request));
}

/** @param bodyLimit longest body, in bytes, of a request with a message */
export function addRoutes(app: FastifyInstance, dependencies: RouteDependencies, bodyLimit: number): void {
  addHandshakeRoute(app, dependencies);
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: Endpoint = endpoints[name];
    if (endpoint.feature && !dependencies.features.includes(endpoint.feature)) continue;
    const options = { bodyLimit: endpoint.largeBody ? bodyLimit : SHORT_BODY_LIMIT };
    const respond = createResponder(dependencies, endpoint, dependencies.handlers[name]);
    // The OpenAPI document describes suite 1.
    const documentation = endpoint.suites ? hidden : { schema: sealedSchema(name, endpoint) };
    app.post(endpoint.path, { ...options, ...documentation }, respond);
    if (endpoint.pathField) app.post(pathWithoutName(endpoint), { ...options, ...hidden }, respond);
  }
}

function addHandshakeRoute(
  app: FastifyInstance,
  { exchange, checkHandshakeRate, subjectOf, allowsInsecureSuite1 }: RouteDependencies,
): void {
  app.post(HANDSHAKE_PATH, { schema: handshakeSchema, bodyLimit: SHORT_BODY_LIMIT }, async (request, reply) => {
    const address = subjectOf(request);
    const handshake = readBody(request);
    checkTransport(request, allowsInsecureSuite1);
    const { status, body } = await exchange.openSession(handshake, (tx) => checkHandshakeRate(tx, address));
    return replyWithJson(reply, status, body);
  });
}

/** @returns the route handler of an endpoint inside a session */
function createResponder(dependencies: RouteDependencies, endpoint: Endpoint, handler: Handler) {
  const { exchange, subjectOf, allowsInsecureSuite1, unknownSessions } = dependencies;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const segment = (request.params as { username?: string }).username ?? '';
    const body = readBody(request);
    const mayBeForged = checkTransport(request, allowsInsecureSuite1);
    const sessionKey = textField(body, 'session_key');
    const address = subjectOf(request);
    if (unknownSessions.isExhausted(address)) await checkSession(dependencies, request, sessionKey);
    try {
      const response = await exchange.run(handler, {
        endpoint,
        body,
        sessionKey,
        bytes: [Buffer.from(`${request.url}\0`), request.body as Buffer],
        address,
        recipientNames: usernameCandidates(segment),
        isForgeable: mayBeForged,
      });
      return replyWithJson(reply, response.status, response.body);
    } catch (error) {
      if (error instanceof Problem && error.code === 'session_not_found') unknownSessions.count(address);
      throw error;
    }
  };
}

/**
 * Checks the transport of a request whose body was read.
 *
 * @returns true if the request may be forged
 * @throws Problem `suite1_refused` if that is not allowed
 */
function checkTransport(request: FastifyRequest, allowsInsecureSuite1: boolean): boolean {
  const mayBeForged = suiteOf(request) === 1 && isForgeable(request);
  if (!mayBeForged || allowsInsecureSuite1) return mayBeForged;
  throw new Problem('suite1_refused', { detail: 'Suite 1 requires HTTPS. Use https:// or a client with suite 2.' });
}
