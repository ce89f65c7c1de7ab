// The HTTP side alone, with a fake exchange behind it.
import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { type EndpointName, endpoints } from '../../src/protocol/endpoints.ts';
import { createHttpServer, type HttpConfig, type HttpServerDependencies } from '../../src/server/http/server.ts';
import { UnknownSessions } from '../../src/server/limits/unknownSessions.ts';
import type { Handlers } from '../../src/server/sessions/handler.ts';
import type { Body, WireRequest, WireResponse } from '../../src/server/sessions/suites/suite.ts';
import type { Transaction } from '../../src/server/store/store.ts';

/** A request as it reaches the exchange. */
export interface SeenRequest extends Pick<WireRequest, 'address' | 'recipientNames'> {
  readonly path: string;
  readonly sessionKey: string;
  readonly body: Body;
  /** Bytes that every copy of the request has in common. */
  readonly bytes: string;
}

export interface TestHttpServer {
  readonly app: FastifyInstance;
  /** Requests inside sessions, in order. */
  readonly seen: SeenRequest[];
  readonly handshakes: { readonly body: Body; readonly address: string }[];
  /** Logged lines. */
  readonly log: Record<string, unknown>[];
}

export interface TestHttpOptions
  extends Partial<
    HttpConfig & Pick<HttpServerDependencies, 'checkReady' | 'addressSubject' | 'describeServer' | 'unknownSessions'>
  > {
  /** Returns true if a session has the key; all do by default. */
  readonly knowsSession?: (sessionKey: string) => Promise<boolean>;
  /** Responds to each request, handshakes included; may throw. */
  readonly answer?: () => WireResponse;
}

/** Creates the HTTP side without listening. */
export async function createTestHttpServer(t: TestContext, options: TestHttpOptions = {}): Promise<TestHttpServer> {
  const { answer = () => ({ status: 200, body: '{"answer":"sealed"}' }), knowsSession = async () => true } = options;
  const seen: SeenRequest[] = [];
  const handshakes: TestHttpServer['handshakes'] = [];
  const admitted: string[] = [];
  const log: Record<string, unknown>[] = [];
  const logLines = new Writable({
    write(line, _, done) {
      log.push(JSON.parse(String(line)));
      done();
    },
  });

  const names = Object.keys(endpoints) as EndpointName[];
  const handler = { kind: 'immediate' as const, execute: async () => ({}) };
  const handlers = Object.fromEntries(names.map((name) => [name, handler])) as unknown as Handlers;
  const app = await createHttpServer({
    exchange: {
      knowsSession,
      async openSession(body, checkRateLimit) {
        await checkRateLimit({} as Transaction);
        handshakes.push({ body, address: admitted.pop() ?? '' });
        return answer();
      },
      async run(_handler, { endpoint, sessionKey, body, bytes, address, recipientNames }) {
        const text = Buffer.concat(bytes).toString();
        seen.push({ address, recipientNames, path: endpoint.path, sessionKey, body, bytes: text });
        return answer();
      },
    },
    handlers,
    features: ['token-messages'],
    checkHandshakeRate: async (_, address) => void admitted.push(address),
    allowsInsecureSuite1: true,
    addressSubject: (address) => address,
    unknownSessions: new UnknownSessions(1_000),
    checkReady: async () => {},
    describeServer: async () => ({ suites: [1, 2] }),
    version: '1.2.3',
    log: pino({ base: null, timestamp: false }, logLines),
    ...options,
    config: {
      host: '127.0.0.1',
      acceptsSuite1: true,
      maxTextBytes: 1024,
      trustedProxies: [],
      corsOrigins: [],
      allowedHosts: [],
      maxConnections: 100,
      maxConnectionsPerAddress: 100,
      maxBodyMemory: 1024 * 1024,
      minBodyRate: 100,
      ...options,
    },
  });
  t.after(() => app.close());
  return { app, seen, handshakes, log };
}
