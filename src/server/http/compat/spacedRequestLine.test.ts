// Requests with invalid request lines over real sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { createTestHttpServer, type TestHttpOptions } from '../../../../test/support/httpServer.ts';
import { isSpacedRequest, MAX_READING_PER_ADDRESS } from './spacedRequestLine.ts';

const BODY = '{"session_key":"key","message":"sealed"}';
/** Body limit of a server for texts of 1024 bytes. */
const MAX_BODY_LENGTH = 3 * 1024 + 64 * 1024;

interface Harness extends Awaited<ReturnType<typeof createTestHttpServer>> {
  connect(): Promise<Socket>;
  /** Sends bytes on a new connection and reads until the server closes it. */
  exchange(request: string | Buffer): Promise<string>;
  /** Resolves when the server's parser rejects bytes. */
  stumbled(): Promise<unknown>;
}

async function createHarness(t: TestContext, options: TestHttpOptions = {}): Promise<Harness> {
  const server = await createTestHttpServer(t, options);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  const harness: Harness = {
    ...server,
    async connect() {
      const socket = connect(port, '127.0.0.1').setNoDelay();
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      return socket;
    },
    async exchange(request) {
      const socket = await harness.connect();
      socket.write(request);
      return readToEnd(socket);
    },
    stumbled: () => once(server.app.server, 'clientError'),
  };
  return harness;
}

async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

/** Formats a request as Java's HttpURLConnection does. */
function request(path: string, body = BODY, headers = `Content-Length: ${Buffer.byteLength(body)}\r\n`): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nContent-Type: application/json\r\nHost: localhost\r\n${headers}\r\n`;
  // One character for each byte, so that a path may be in any encoding.
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]);
}

const utf8 = (text: string) => Buffer.from(text).toString('latin1');

test('name with spaces or non-ASCII letters: arrives verbatim; the response closes the connection', async (t) => {
  const harness = await createHarness(t);
  const names = {
    'Anna Maria': 'Anna Maria',
    ' Anna  Maria ': ' Anna  Maria ',
    [utf8('Jürgen Groß')]: 'Jürgen Groß',
    'J\xfcrgen Gro\xdf': 'Jürgen Groß',
    [utf8('世界 🎬')]: '世界 🎬',
    [utf8('Jürgen')]: 'Jürgen',
    'J\xfcrgen': 'Jürgen',
    '100 %': '100 %',
    'a%20b c': 'a%20b c',
    '../a b?c#d': '../a b?c#d',
    'me HTTP/1.1': 'me HTTP/1.1',
  };
  for (const [written, name] of Object.entries(names)) {
    const answer = await harness.exchange(request(`/encrypt/${written}`));
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /\r\nconnection: close\r\n\r\n\{"answer":"sealed"\}$/);
    assert.equal(harness.seen.at(-1)?.recipientNames[0], name);
    assert.equal(harness.seen.at(-1)?.path, '/encrypt/:username');
    assert.deepEqual({ ...harness.seen.at(-1)?.body }, JSON.parse(BODY));
  }
});

test('the response has the same status, headers and length as for an ordinary request', async (t) => {
  const harness = await createHarness(t);
  const parse = (answer: string) => {
    const [head = '', body] = answer.split('\r\n\r\n');
    const [status, ...headers] = head.split('\r\n').map((line) => line.toLowerCase());
    const constant = headers.filter((line) => !/^(?:x-request-id|date|keep-alive):/.test(line));
    return { status, headers: constant.toSorted(), body };
  };
  const close = `Connection: close\r\nContent-Length: ${BODY.length}\r\n`;
  const ordinary = parse(await harness.exchange(request('/encrypt/Anna', BODY, close)));
  assert.deepEqual(parse(await harness.exchange(request('/encrypt/Anna Maria'))), ordinary);
  const refusal = parse(await harness.exchange(request('/encrypt/Anna', '[]', close.replace('40', '2'))));
  assert.equal(refusal.status, 'http/1.1 400 bad request');
  assert.deepEqual(parse(await harness.exchange(request('/encrypt/Anna Maria', '[]'))), refusal);
});

test('rate limits get the address of the client', async (t) => {
  const harness = await createHarness(t);
  await harness.exchange(request('/encrypt/Anna Maria'));
  assert.equal(harness.seen[0]?.address, '127.0.0.1');
});

test('a retry has the same bytes', async (t) => {
  const harness = await createHarness(t);
  for (const path of ['/encrypt/Anna Maria', '/encrypt/Anna Maria', '/encrypt/Anna  Maria']) {
    await harness.exchange(request(path));
  }
  const [first, copy, other] = harness.seen;
  assert.equal(copy?.bytes, first?.bytes);
  assert.notEqual(other?.bytes, first?.bytes);
});

test('headers and body may arrive in several packets', async (t) => {
  const harness = await createHarness(t);
  const bytes = request('/encrypt/Anna Maria', JSON.stringify({ session_key: 'key', message: 'x'.repeat(10_000) }));
  const lineEnd = bytes.indexOf('\n') + 1;
  const headEnd = bytes.indexOf('\r\n\r\n') + 4;
  for (const cuts of [[lineEnd], [headEnd], [headEnd + 1], [lineEnd + 20, headEnd - 2, headEnd + 5_000]]) {
    const socket = await harness.connect();
    const answer = readToEnd(socket);
    const starts = [0, ...cuts];
    for (const [index, start] of starts.entries()) {
      // Once the server has read one packet, the next one arrives separately.
      const read = index < cuts.length ? once(harness.app.server, 'clientError') : undefined;
      socket.write(bytes.subarray(start, starts[index + 1]));
      await read;
    }
    assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(harness.seen.at(-1)?.body.message, 'x'.repeat(10_000));
  }
});

describe('incomplete request with spaces', () => {
  test('head above the limit: rejected at once', async (t) => {
    const harness = await createHarness(t);
    const answer = await harness.exchange(`POST /encrypt/a b HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test('announced body above the limit: rejected at once', async (t) => {
    const harness = await createHarness(t);
    for (const length of [MAX_BODY_LENGTH + 1, 2 ** 53, 1e300]) {
      const answer = await harness.exchange(`POST /encrypt/a b HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n{`);
      assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    }
    const longest = JSON.stringify({ session_key: 'key', message: '' }).padEnd(MAX_BODY_LENGTH);
    assert.match(await harness.exchange(request('/encrypt/a b', longest)), /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(harness.seen.length, 1);
  });

  test('is aborted after 15 seconds', async (t) => {
    const harness = await createHarness(t);
    const expired = new AbortController();
    const timeout = t.mock.method(AbortSignal, 'timeout', () => expired.signal);
    const socket = await harness.connect();
    const answer = readToEnd(socket).catch((error: NodeJS.ErrnoException) => error.code);
    const stumbled = harness.stumbled();
    socket.write(request('/encrypt/Anna Maria').subarray(0, -1));
    await stumbled;
    while (timeout.mock.callCount() === 0) await turnOfEventLoop();
    assert.deepEqual(timeout.mock.calls[0]?.arguments, [15_000]);
    expired.abort();
    assert.ok(['', 'ECONNRESET'].includes((await answer) ?? ''), 'closed without a response');
    assert.deepEqual(harness.seen, []);
  });

  test('client hangs up: the server keeps working', async (t) => {
    const harness = await createHarness(t);
    for (const hangUp of [(socket: Socket) => socket.resetAndDestroy(), (socket: Socket) => socket.end()]) {
      const socket = await harness.connect();
      const stumbled = harness.stumbled();
      socket.write(request('/encrypt/Anna Maria').subarray(0, -1));
      await stumbled;
      hangUp(socket.resume());
      await once(socket, 'close');
    }
    assert.deepEqual(harness.seen, []);
    assert.match(await harness.exchange(request('/encrypt/Anna Maria')), /^HTTP\/1\.1 200 OK\r\n/);
  });
});

describe('other requests that Node rejects', () => {
  test('are rejected with 400', async (t) => {
    const harness = await createHarness(t);
    const length = `Content-Length: ${BODY.length}`;
    const refused = {
      'not HTTP': 'nonsense\r\n\r\n',
      'spaces in another path': request('/login user'),
      'spaces in another method': `GET /encrypt/a b HTTP/1.1\r\n${length}\r\n\r\n${BODY}`,
      'another version': `POST /encrypt/a b HTTP/2.0\r\n${length}\r\n\r\n${BODY}`,
      'a bad header': `POST /encrypt/bob HTTP/1.1\r\nHost: x\r\nBad Header\r\n${length}\r\n\r\n${BODY}`,
      'two lengths': `POST /encrypt/bob HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n${length}\r\n\r\n${BODY}`,
      'two framings': `POST /encrypt/bob HTTP/1.1\r\nHost: x\r\n${length}\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`,
      'a missing length': request('/encrypt/a b', BODY, ''),
      'an invalid length': request('/encrypt/a b', BODY, 'Content-Length: -1\r\n'),
      'chunks after spaces': request('/encrypt/a b', `28\r\n${BODY}\r\n0\r\n\r\n`, 'Transfer-Encoding: chunked\r\n'),
      'spaces and two framings': request('/encrypt/a b', BODY, `${length}\r\nTransfer-Encoding: chunked\r\n`),
      'another path with the line in its body': request('/login user', 'POST /encrypt/a b HTTP/1.1\r\n\r\n'),
    };
    for (const [what, bytes] of Object.entries(refused)) {
      assert.match(await harness.exchange(bytes), /^HTTP\/1\.1 400 Bad Request\r\n/, what);
      assert.deepEqual(harness.seen, [], what);
    }
  });

  test('request after a spaced one in the same packet: not executed', async (t) => {
    const harness = await createHarness(t);
    const both = Buffer.concat([request('/encrypt/Anna Maria'), request('/encrypt/bob')]);
    const answer = await harness.exchange(both);
    assert.equal(answer.match(/HTTP\/1\.1 200 OK/g)?.length, 1);
    assert.deepEqual(
      harness.seen.map(({ recipientNames }) => recipientNames[0]),
      ['Anna Maria'],
    );
  });

  test('request before a spaced one in the same packet: executed once', async (t) => {
    const harness = await createHarness(t);
    await harness.exchange(Buffer.concat([request('/encrypt/bob'), request('/encrypt/Anna Maria')]));
    while (harness.seen.length === 0) await turnOfEventLoop();
    const names = harness.seen.map(({ recipientNames }) => recipientNames[0]);
    assert.equal(names.filter((name) => name === 'bob').length, 1, names.join());
  });
});

test('the number of connections that are read at the same time is limited per address', async (t) => {
  const harness = await createHarness(t);
  const open = [];
  for (let count = 0; count < MAX_READING_PER_ADDRESS; count += 1) {
    const socket = await harness.connect();
    const stumbled = harness.stumbled();
    socket.write(request('/encrypt/Anna Maria').subarray(0, -1));
    await stumbled;
    open.push(socket);
  }
  assert.match(
    await harness.exchange(request('/encrypt/Anna Maria')),
    /^HTTP\/1\.1 503 Service Unavailable\r\nRetry-After: 1/,
  );
  assert.match(
    await harness.exchange(request('/encrypt/bob', BODY, `Connection: close\r\nContent-Length: ${BODY.length}\r\n`)),
    /^HTTP\/1\.1 200 OK\r\n/,
  );
  const [first] = open;
  assert.match(
    await readToEnd(first?.end(request('/encrypt/Anna Maria').subarray(-1)) ?? assert.fail()),
    /^HTTP\/1\.1 200 OK\r\n/,
  );
  assert.match(await harness.exchange(request('/encrypt/Anna Maria')), /^HTTP\/1\.1 200 OK\r\n/);
});

test('without suite 1, no such request is read', async (t) => {
  const harness = await createHarness(t, { acceptsSuite1: false });
  assert.match(await harness.exchange(request('/encrypt/Anna Maria')), /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.deepEqual(harness.seen, []);
});

test('isSpacedRequest: decides by the first line', () => {
  for (const line of [
    'POST /encrypt/a b HTTP/1.1\r\n',
    'POST /encrypt/a b HTTP/1.0\r\n',
    'POST /encrypt/ a HTTP/1.1\r\n',
  ]) {
    assert.ok(isSpacedRequest(Buffer.from(`${line}Host: x\r\n\r\n`)), line);
  }
  for (const line of [
    'POST /encrypt/ab HTTP/1.1\r\n',
    'POST /encrypt/a b HTTP/1.1',
    'POST /encrypt/a b HTTP/1.1\n',
    'POST /encrypt/a b\r\n',
    ' POST /encrypt/a b HTTP/1.1\r\n',
    'GET / HTTP/1.1\r\nPOST /encrypt/a b HTTP/1.1\r\n',
  ]) {
    assert.ok(!isSpacedRequest(Buffer.from(line)), line);
  }
});
