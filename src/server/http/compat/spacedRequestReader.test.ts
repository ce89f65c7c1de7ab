// Reading a request with an invalid request line: the work it takes, and what it refuses.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { SpacedRequestReader } from './spacedRequestReader.ts';

const MAX_BODY_LENGTH = 100_000;
/** Copying into a buffer that doubles, decoding and searching: each byte a few times. */
const MAX_WORK_PER_BYTE = 6;
/** Work per packet that does not depend on the bytes before it. */
const MAX_WORK_PER_PACKET = 8;

const createReader = () => new SpacedRequestReader({ maxBodyLength: MAX_BODY_LENGTH, reserve: () => true });

function request(bodyLength: number, fields: readonly string[] = []): Buffer {
  const lines = ['POST /encrypt/a b HTTP/1.1', 'Host: localhost', ...fields, `Content-Length: ${bodyLength}`];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${'x'.repeat(bodyLength)}`, 'latin1');
}

/** Counts the bytes that are copied, decoded or searched. */
function countWork(t: TestContext): () => number {
  let work = 0;
  const count = (target: object, name: string, cost: (self: Buffer, args: unknown[]) => number) => {
    const original = Reflect.get(target, name) as (...args: unknown[]) => unknown;
    t.mock.method(
      target as Record<string, (...args: unknown[]) => unknown>,
      name,
      function (this: Buffer, ...args: unknown[]) {
        work += cost(this, args);
        return original.apply(this, args);
      },
    );
  };
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
  count(typedArray, 'set', (_, [source]) => (source as Uint8Array).length);
  count(Buffer.prototype, 'indexOf', (self, [, start = 0]) => self.length - Number(start));
  count(Buffer.prototype, 'toString', (self, [, start = 0, end = self.length]) => Number(end) - Number(start));
  count(Buffer, 'concat', (_, [list]) => (list as Buffer[]).reduce((sum, { length }) => sum + length, 0));
  return () => work;
}

test('the work is linear in the number of bytes, whatever the packets', (t) => {
  const work = countWork(t);
  const packets = fc.record({
    bodyLength: fc.nat(20_000),
    headLength: fc.nat(15_000),
    sizes: fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2_000 })), { minLength: 1, maxLength: 50 }),
  });
  fc.assert(
    fc.property(packets, ({ bodyLength, headLength, sizes }) => {
      const bytes = request(bodyLength, [`X: ${'x'.repeat(headLength)}`]);
      const reader = createReader();
      const before = work();
      let count = 0;
      let result: ReturnType<typeof reader.push> = 'incomplete';
      for (let position = 0; position < bytes.length; count += 1) {
        const size = sizes[count % sizes.length] ?? 1;
        result = reader.push(bytes.subarray(position, position + size));
        position += size;
      }
      assert.ok(typeof result === 'object' && result.body.length === bodyLength, String(result));
      const limit = MAX_WORK_PER_BYTE * bytes.length + MAX_WORK_PER_PACKET * count;
      assert.ok(work() - before <= limit, `${work() - before} for ${bytes.length} bytes in ${count} packets`);
    }),
    { numRuns: 20 },
  );
});

test('a head that never ends, or memory that is used up, ends the reading', () => {
  const endless = createReader();
  const packet = Buffer.from('POST /encrypt/a b HTTP/1.1\r\nX: x');
  const results = Array.from({ length: 1_000 }, () => endless.push(packet));
  const first = results.indexOf('malformed');
  assert.ok(first * packet.length < 17_000 && results.slice(first).every((result) => result === 'malformed'));

  const poor = new SpacedRequestReader({ maxBodyLength: MAX_BODY_LENGTH, reserve: (bytes) => bytes <= 10_000 });
  assert.equal(poor.push(request(50_000)), 'overloaded');
});

test('several fields of one name are joined, as Node joins them', () => {
  const result = createReader().push(request(1, ['X-Forwarded-For: 192.0.2.1 ', 'x-forwarded-for:\t192.0.2.2']));
  assert.ok(typeof result === 'object');
  assert.equal(result.headers['x-forwarded-for'], '192.0.2.1, 192.0.2.2');
});

test('a head that proxies and servers may read differently is refused', () => {
  const line = 'POST /encrypt/a b HTTP/1.1';
  const length = 'Content-Length: 2';
  const heads = {
    'two lengths': [line, 'Host: x', length, 'Content-Length: 3'],
    'the same length twice': [line, 'Host: x', length, length],
    'a list of lengths': [line, 'Host: x', 'Content-Length: 2, 2'],
    'a hexadecimal length': [line, 'Host: x', 'Content-Length: 0x2'],
    'an exponent': [line, 'Host: x', 'Content-Length: 2e0'],
    'a sign': [line, 'Host: x', 'Content-Length: +2'],
    'a fraction': [line, 'Host: x', 'Content-Length: 2.0'],
    'an empty length': [line, 'Host: x', 'Content-Length:'],
    'length and encoding': [line, 'Host: x', length, 'Transfer-Encoding: chunked'],
    'an unknown encoding': [line, 'Host: x', length, 'Transfer-Encoding: identity'],
    'two hosts': [line, 'Host: x', 'Host: y', length],
    'a space before the colon': [line, 'Host: x', 'Content-Length : 2'],
    'a space before a second length': [line, 'Host: x', length, 'Content-Length : 3'],
    'a folded line': [line, 'Host: x', length, 'X: a', ' Content-Length: 3'],
    'a line without a colon': [line, 'Host: x', length, 'nonsense'],
    'an empty name': [line, 'Host: x', length, ': x'],
    'a NUL': [line, 'Host: x', length, 'X: a\0b'],
    'a bare CR': [line, 'Host: x', length, 'X: a\rTransfer-Encoding: chunked'],
    'a bare LF': [line, 'Host: x', length, 'X: a\nTransfer-Encoding: chunked'],
    'a name with a control character': [line, 'Host: x', length, 'X\x01: a'],
    'another method': ['PUT /encrypt/a b HTTP/1.1', 'Host: x', length],
    'another version': ['POST /encrypt/a b HTTP/1.2', 'Host: x', length],
  };
  for (const [what, lines] of Object.entries(heads)) {
    const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n{}`, 'latin1');
    assert.equal(createReader().push(bytes), 'malformed', what);
  }
  assert.notEqual(createReader().push(Buffer.from(`${line}\r\nHost: x\r\n${length}\r\n\r\n{}`)), 'malformed');
});
