// The routes of the protocol: the handshake, and one route per endpoint inside a session.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  type Endpoint,
  type EndpointName,
  endpoints,
  HANDSHAKE_PATH,
  pathWithoutName,
} from '../../protocol/endpoints.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import type { Exchange } from '../sessions/exchange.ts';
import type { Handler, Handlers } from '../sessions/handler.ts';
import { readBody, SHORT_BODY_LIMIT, textField } from './body.ts';
import { usernameCandidates } from './compat/usernamePath.ts';
import { handshakeSchema, hidden, sealedSchema } from './openapi.ts';
import { replyWithJson } from './replies.ts';

export interface RouteDependencies {
  readonly exchange: Pick<Exchange, 'openSession' | 'run'>;
  readonly handlers: Handlers;
  readonly checkHandshakeRate: RateLimitCheck;
  /** Maps an IP address to the subject of its rate limits. */
  readonly addressSubject: (address: string) => string;
}

/** @param bodyLimit longest body, in bytes, of a request with a message */
export function addRoutes(app: FastifyInstance, dependencies: RouteDependencies, bodyLimit: number): void {
  addHandshakeRoute(app, dependencies);
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: Endpoint = endpoints[name];
    const options = { bodyLimit: 'message' in endpoint.fields ? bodyLimit : SHORT_BODY_LIMIT };
    const respond = createResponder(dependencies, endpoint, dependencies.handlers[name]);
    // The OpenAPI document describes suite 1.
    const documentation = endpoint.suites ? hidden : { schema: sealedSchema(name, endpoint) };
    app.post(endpoint.path, { ...options, ...documentation }, respond);
    if (endpoint.pathField) app.post(pathWithoutName(endpoint), { ...options, ...hidden }, respond);
  }
}

function addHandshakeRoute(
  app: FastifyInstance,
  { exchange, checkHandshakeRate, addressSubject }: RouteDependencies,
): void {
  app.post(HANDSHAKE_PATH, { schema: handshakeSchema, bodyLimit: SHORT_BODY_LIMIT }, async (request, reply) => {
    const address = addressSubject(request.ip);
    const { status, body } = await exchange.openSession(readBody(request), (tx) => checkHandshakeRate(tx, address));
    return replyWithJson(reply, status, body);
  });
}

/** @returns the route handler of an endpoint inside a session */
function createResponder({ exchange, addressSubject }: RouteDependencies, endpoint: Endpoint, handler: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const segment = (request.params as { username?: string }).username ?? '';
    const body = readBody(request);
    const response = await exchange.run(handler, {
      endpoint,
      body,
      sessionKey: textField(body, 'session_key'),
      bytes: [Buffer.from(`${request.url}\0`), request.body as Buffer],
      address: addressSubject(request.ip),
      recipientNames: usernameCandidates(segment),
    });
    return replyWithJson(reply, response.status, response.body);
  };
}
