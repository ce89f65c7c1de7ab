// The planes of the template against the vectors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { key, sha256, vectors } from '../../../test/video/vectors.ts';
import { cutTemplate, TEMPLATE_PLANES, templatePlane } from './template.ts';

test('template planes and their part on a grid are those of the vectors', () => {
  const planes = Array.from({ length: TEMPLATE_PLANES }, (_, k) => templatePlane(key, k));
  const plane = planes[0] ?? new Int8Array();
  assert.equal(sha256(plane), vectors.template.plane0);
  assert.equal(sha256(...planes), vectors.template.planes);
  const cut = cutTemplate(plane, { columns: 64, rows: 36 });
  assert.equal(sha256(cut), vectors.template.cut64x36);
  assert.equal(Array.from(cut.slice(0, 16), (sign) => (sign > 0 ? '+' : '-')).join(''), vectors.template.first16);
});
