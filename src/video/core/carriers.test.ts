// Carriers and template against the vectors.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { key, profileNamed, sha256, vectors } from '../../../test/video/vectors.ts';
import { CarrierTable } from './carriers.ts';

const signText = (signs: Iterable<number>) => Array.from(signs, (sign) => (sign > 0 ? '+' : '-')).join('');

describe('carriers', () => {
  test('the first segment is that of the vectors', () => {
    const { first } = vectors.carriers;
    const carriers = new CarrierTable(key, profileNamed(first.profile), first.channel, first).segment(first.segment);
    for (const part of ['bits', 'start', 'features', 'signs', 'dithers'] as const)
      assert.equal(sha256(carriers[part]), first[part], part);
    assert.deepEqual(Array.from(carriers.bits.slice(0, 4)), first.firstBits);
    assert.deepEqual(Array.from(carriers.features.slice(0, 4)), first.firstFeatures);
    assert.equal(signText(carriers.signs.slice(0, 8)), first.firstSigns);
    assert.deepEqual(Array.from(carriers.dithers.slice(0, 2)), first.firstDithers);
  });

  test('all segments of every profile and five grids are those of the vectors', () => {
    for (const { profile: name, channel, columns, rows, hash } of vectors.carriers.cycles) {
      const profile = profileNamed(name);
      const table = new CarrierTable(key, profile, channel, { columns, rows });
      const segments = Array.from({ length: profile.cycle }, (_, k) => table.segment(k));
      const parts = segments.flatMap((s) => [s.bits, s.start, s.features, s.signs, s.dithers]);
      assert.equal(sha256(...parts), hash, `${name} ${columns}×${rows}`);
      assert.equal(table.segment(profile.cycle + 1), segments[1]);
    }
  });

  test('a grid with fewer features than carriers is refused', () => {
    const table = new CarrierTable(key, profileNamed('b256'), 0, { columns: 16, rows: 16 });
    assert.throws(() => table.segment(0), RangeError);
  });
});
