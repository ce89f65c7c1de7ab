// Reading lines from standard input.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { CommandError } from '../errors.ts';
import { LineReader } from './lines.ts';

async function linesOf(...chunks: (string | Buffer)[]): Promise<(string | undefined)[]> {
  const reader = new LineReader(Readable.from(chunks.map((chunk) => Buffer.from(chunk))));
  const lines: (string | undefined)[] = [];
  for (;;) {
    const line = await reader.next();
    if (line === undefined) return lines;
    lines.push(line);
  }
}

test('lines are split at line breaks, independent of chunk boundaries', async () => {
  assert.deepEqual(await linesOf(), []);
  assert.deepEqual(await linesOf('\n'), ['']);
  assert.deepEqual(await linesOf('a\nb'), ['a', 'b']);
  assert.deepEqual(await linesOf('a\r\n b \r\n\nc\n'), ['a', ' b ', '', 'c']);
  const bytes = Buffer.from('pässword\nnext\n');
  assert.deepEqual(await linesOf(...Array.from(bytes, (byte) => Buffer.from([byte]))), ['pässword', 'next']);
});

test('lines that are too long or not UTF-8 are rejected', async () => {
  assert.equal((await linesOf(`${'a'.repeat(4096)}\n`))[0]?.length, 4096);
  for (const wrong of ['a'.repeat(4097), `${'a'.repeat(4097)}\n`, Buffer.from([0x61, 0xff, 0x0a])]) {
    await assert.rejects(linesOf(wrong), CommandError);
  }
});

test('reads no further than the requested line', async () => {
  const stream = new Readable({ read() {} });
  stream.push('first\nsecond\n');
  const reader = new LineReader(stream);
  assert.equal(await reader.next(), 'first');
  assert.equal(await reader.next(), 'second');
  const third = reader.next();
  stream.push('third\n');
  assert.equal(await third, 'third');
});
