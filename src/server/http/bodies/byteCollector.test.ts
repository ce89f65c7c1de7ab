// Collecting chunks of bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteCollector } from './byteCollector.ts';

test('ByteCollector: returns all bytes in order, and allocates at most twice their number', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
      const collector = new ByteCollector();
      let allocated = 0;
      for (const chunk of chunks) {
        allocated += collector.growthFor(chunk.length);
        collector.push(chunk);
      }
      assert.deepEqual(collector.bytes(), Buffer.concat(chunks));
      assert.ok(allocated >= collector.length && allocated <= 2 * collector.length);
    }),
  );
});

test('ByteCollector: keeps a copy of a chunk', () => {
  const chunk = Buffer.from('text');
  const collector = new ByteCollector();
  collector.push(chunk);
  chunk.fill(0);
  assert.equal(collector.bytes().toString(), 'text');
});
