// Requests as bytes, which need not be HTTP.
import fc from 'fast-check';

const method = fc.oneof(
  fc.constantFrom('POST', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT', 'QUERY', 'post', ''),
  fc.stringMatching(/^[!-~]{1,20}$/),
);
const target = fc.oneof(
  fc.constantFrom(
    '/',
    '*',
    '/%',
    '/%zz',
    '/encrypt',
    '/encrypt/',
    '/encrypt/a b',
    '/encrypt/%00',
    '/encrypt/%ff%fe',
    '/encrypt//../..',
    '/docs/../../package.json',
    '/docs/static/%2e%2e/%2e%2e/package.json',
    '/health/ready?x=y#z',
    'http://example.org/login_user',
    '//login_user',
    `/encrypt/${'a'.repeat(20_000)}`,
    `/${'a/'.repeat(5_000)}`,
  ),
  fc.string({ unit: 'binary', maxLength: 60 }).map((text) => `/encrypt/${text}`),
  fc.string({ unit: 'binary', maxLength: 60 }),
);
const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.1 HTTP/1.1', 'XTP/1', '');
const header = fc.oneof(
  fc.constantFrom(
    'Host: localhost',
    'Host: localhost',
    'Host:',
    'Content-Length: 5',
    'Content-Length: -1',
    'Content-Length: 1e3',
    'Content-Length: 99999999999999999999',
    'Content-Length: 2147483648',
    'Content-Length: 5, 5',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: identity',
    'Connection: upgrade\r\nUpgrade: websocket',
    'Connection: close',
    'Expect: 100-continue',
    'Expect: nonsense',
    'Range: bytes=0-9',
    'Content-Type: application/json',
    'Content-Type: ;;;=',
    ' folded: yes',
    ': no name',
    `X-Long: ${'x'.repeat(20_000)}`,
    'X-Nul: a\0b',
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
);
const body = fc.oneof(
  fc.constantFrom('', 'hello', '{}', '5\r\nhello\r\n0\r\n\r\n', 'zz\r\n', 'ffffffffffffffffff\r\n', '5;ext=1\r\nhel'),
  fc.string({ unit: 'binary', maxLength: 200 }),
);
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r');

const request = fc
  .tuple(method, target, version, fc.array(header, { maxLength: 6 }), body, lineEnd)
  .map(([verb, path, protocol, headers, content, end]) =>
    Buffer.from([`${verb} ${path} ${protocol}`, ...headers, '', content].join(end), 'latin1'),
  );

/** Bytes of one connection: one request, several, or none. */
export const rawRequests: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: request },
  { weight: 2, arbitrary: fc.array(request, { maxLength: 4 }).map((requests) => Buffer.concat(requests)) },
  fc.uint8Array({ maxLength: 400 }),
  // TLS and HTTP/2 on a port that speaks neither.
  fc.constantFrom(Buffer.from('16030100a5010000a10303', 'hex'), Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')),
);
