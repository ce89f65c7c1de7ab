// A line between clients and a server that records all traffic and lets a test change it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface WireRequest {
  /** Default: POST. */
  readonly method?: string;
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WireReply {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection breaks after this many bytes of the body. */
  readonly brokenAfter?: number;
}

export interface Exchange {
  readonly request: WireRequest;
  readonly reply: WireReply | 'broken';
}

/** Decides the client's response; `broken`: the connection breaks. */
export type Tamper = (request: WireRequest, line: Line) => Promise<WireReply | 'broken'>;

export interface Line {
  /** Address that the clients take for the server's. */
  readonly url: string;
  /** Requests of the clients and the responses they got. */
  readonly heard: Exchange[];
  /** All traffic in either direction, the attacker's own requests included. */
  readonly texts: string[];
  /** Undefined: traffic passes unchanged. */
  tamper: Tamper | undefined;
  /** Sends a request to the server. */
  send(request: WireRequest): Promise<WireReply>;
  /** Discards the recorded traffic. */
  forget(): void;
}

/** Milliseconds; longer than any test. */
const KEEP_ALIVE = 600_000;
/** In bytes; servers do not store longer responses but recompute them. */
const LONGEST_KEPT = 16 * 1024;
/** Headers that belong to one connection. */
const OF_THE_CONNECTION = ['connection', 'content-length', 'date', 'host', 'keep-alive', 'transfer-encoding'];

/** @param findTarget the server's URL */
export async function openLine(t: Pick<TestContext, 'after'>, findTarget: () => string): Promise<Line> {
  const heard: Exchange[] = [];
  const texts: string[] = [];
  const answers = new Map<string, string>();
  const agent = new Agent({ keepAlive: true });

  async function send(message: WireRequest): Promise<WireReply> {
    const reply = await post(findTarget(), agent, message);
    texts.push(message.path, message.body, reply.body, JSON.stringify(reply.headers));
    expectEqualResponses(`${message.path} ${message.body}`, reply.body);
    return reply;
  }

  /** A repeated request is executed once. */
  function expectEqualResponses(request: string, body: string): void {
    if (!body.includes('"payload"') || body.length > LONGEST_KEPT) return;
    assert.ok(body === (answers.get(request) ?? body), 'a request was executed again');
    answers.set(request, body);
  }

  function forget(): void {
    heard.length = 0;
    texts.length = 0;
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'POST', url: path = '', headers } = incoming;
    const request = { method, path, body: await text(incoming), headers: ownHeaders(headers) };
    texts.push(path, request.body, JSON.stringify(headers));
    const reply = await (line.tamper ? line.tamper(request, line) : send(request));
    heard.push({ request, reply });
    if (reply === 'broken') return void response.destroy();
    const body = Buffer.from(reply.body);
    const given = { 'content-type': 'application/json', ...reply.headers, 'content-length': body.length };
    response.writeHead(reply.status, given);
    if (reply.brokenAfter === undefined) response.end(body);
    else response.write(body.subarray(0, reply.brokenAfter), () => response.destroy());
  }

  const server = createServer((incoming, response) => {
    answer(incoming, response).catch((error) => {
      // A fault of the test: no expectation accepts this status.
      response.writeHead(599).end(String(error));
      failures.push(error);
    });
  });
  const failures: unknown[] = [];
  // Idle connections stay open while a request may arrive.
  server.keepAliveTimeout = KEEP_ALIVE;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  t.after(async () => {
    agent.destroy();
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    assert.deepEqual(failures, []);
  });
  const line: Line = { url: `http://127.0.0.1:${address.port}`, heard, texts, tamper: undefined, send, forget };
  return line;
}

async function post(url: string, agent: Agent, { method, path, body, headers }: WireRequest): Promise<WireReply> {
  const sent = request(url + path, {
    method: method ?? 'POST',
    agent,
    headers: { 'content-type': 'application/json', ...headers, 'content-length': Buffer.byteLength(body) },
  }).end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await text(answer), headers: ownHeaders(answer.headers) };
}

function ownHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.includes(name));
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
}
