// The limit on the size of the SDK.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkBundle, MAX_BYTES, measureBundle } from './check-bundle.ts';

describe('the SDK in a browser', () => {
  test('is within the limit, and smaller where WebCrypto has ML-KEM', async () => {
    const { native, withFallback } = await measureBundle(join(import.meta.dirname, '..'));
    assert.ok(native > 5_000 && native < withFallback - 3_000, `${native} ${withFallback}`);
    assert.deepEqual(checkBundle({ native, withFallback }), []);
  });

  test('is reported above the limit', () => {
    assert.deepEqual(checkBundle({ native: 0, withFallback: MAX_BYTES }), []);
    assert.equal(checkBundle({ native: 0, withFallback: MAX_BYTES + 1 }).length, 1);
  });
});
