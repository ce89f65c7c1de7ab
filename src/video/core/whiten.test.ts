import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CELL_RADII, energyOf, HALF_CELL_RADII, type Radii, whiten } from './whiten.ts';

const grid = { columns: 9, rows: 7 };
const size = grid.columns * grid.rows;
const segments = [1, 2, 3].map((factor) => Float64Array.from({ length: size }, (_, i) => (i * factor * 7919) % 31));

function naiveBox(values: readonly number[], radius: number): number[] {
  return values.map((_, i) => {
    const [column, row] = [i % grid.columns, Math.floor(i / grid.columns)];
    const box = values.filter(
      (_value, j) =>
        Math.abs((j % grid.columns) - column) <= radius && Math.abs(Math.floor(j / grid.columns) - row) <= radius,
    );
    return box.reduce((a, b) => a + b, 0) / box.length;
  });
}

function naiveWhiten(k: number, { mean, energy }: Radii): number[] {
  const at = (segment: number, i: number) => segments[segment]?.[i] ?? 0;
  const neighbors = k === 1 ? [0, 2] : [1, 1];
  const samples = Array.from({ length: size }, (_, i) => {
    const [previous = 0, next = 0] = neighbors;
    return at(k, i) - (at(previous, i) + at(next, i)) / 2;
  });
  const means = naiveBox(samples, mean);
  const rest = samples.map((value, i) => value - (means[i] ?? 0));
  const energies = naiveBox(
    rest.map((value) => value * value),
    energy,
  );
  return rest.map((value, i) => Math.max(-2.5, Math.min(2.5, value / (Math.sqrt(energies[i] ?? 0) + 0.2))));
}

describe('whitening', () => {
  for (const radii of [CELL_RADII, HALF_CELL_RADII])
    test(`follows its definition with radii ${radii.mean} and ${radii.energy}`, () => {
      const whitened = whiten(segments, grid, radii);
      for (const [k, values] of whitened.entries())
        for (const [i, expected] of naiveWhiten(k, radii).entries())
          assert.ok(Math.abs((values[i] ?? Number.NaN) - expected) < 1e-9, `segment ${k}, sample ${i}`);
    });

  test('a still picture has no energy', () => {
    const still = [segments[0], segments[0]].flatMap((segment) => (segment ? [segment] : []));
    assert.equal(energyOf(whiten(still, grid, CELL_RADII)), 0);
  });
});
