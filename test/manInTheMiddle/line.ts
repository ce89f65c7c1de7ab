/** A line between clients and a server, held by somebody who hears everything and changes what he likes. */
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
  /** POST if not given. */
  readonly method?: string;
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WireReply {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection breaks after so many bytes of the body. */
  readonly brokenAfter?: number;
}

export interface Exchange {
  readonly request: WireRequest;
  readonly reply: WireReply | 'broken';
}

/** Decides what a client gets instead of the server's answer; `broken`: nothing, the connection breaks. */
export type Tamper = (request: WireRequest, line: Line) => Promise<WireReply | 'broken'>;

export interface Line {
  /** What the clients take for the server. */
  readonly url: string;
  /** What the clients sent, and what they were given. */
  readonly heard: Exchange[];
  /** All that went over the line in either direction, and what the man in it got for requests of his own. */
  readonly texts: string[];
  /** Undefined: the line does its duty. */
  tamper: Tamper | undefined;
  /** Sends a request to the server. */
  send(request: WireRequest): Promise<WireReply>;
  /** Begins anew to listen. */
  forget(): void;
}

/** Milliseconds; longer than any test. */
const KEEP_ALIVE = 600_000;
/** A longer answer, in bytes, is not kept by servers but made anew. */
const LONGEST_KEPT = 16 * 1024;
/** Headers that each connection makes for itself. */
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
    expectAnsweredAlike(`${message.path} ${message.body}`, reply.body);
    return reply;
  }

  /** A request that is sent again is executed once. */
  function expectAnsweredAlike(request: string, body: string): void {
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
      // A fault of the test, not of the line: the client is told in a way that no expectation fits.
      response.writeHead(599).end(String(error));
      failures.push(error);
    });
  });
  const failures: unknown[] = [];
  // No connection ends by itself while a request may be on its way.
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
