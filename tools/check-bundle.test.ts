import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkBundle, measureBundle } from './check-bundle.ts';

describe('what a browser loads', () => {
  test('has less than the limit, and less still where WebCrypto has ML-KEM', async () => {
    const { native, withFallback } = await measureBundle(join(import.meta.dirname, '..'));
    assert.ok(native > 5_000 && native < withFallback - 3_000, `${native} ${withFallback}`);
    assert.deepEqual(checkBundle({ native, withFallback }), []);
  });

  test('is refused when it has more', () => {
    assert.deepEqual(checkBundle({ native: 0, withFallback: 16_384 }), []);
    assert.equal(checkBundle({ native: 0, withFallback: 16_385 }).length, 1);
  });
});
