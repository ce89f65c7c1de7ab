// The solver against the vectors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { key, payloadOf, vectors } from '../../../test/video/vectors.ts';
import { CarrierTable, LUMA } from './carriers.ts';
import { encodeBlock, toBits } from './payload.ts';
import { codeOf, encode } from './polar.ts';
import { PROFILES } from './profiles.ts';
import { Solver } from './solve.ts';
import { cutTemplate, setTemplate, templatePlane } from './template.ts';

const grid = { columns: 64, rows: 36 };
const cells = Float64Array.from({ length: 64 * 36 }, (_, i) => 100 + ((37 * i) % 23) + ((11 * i) % 64) / 4);
const caps = Float64Array.from({ length: 64 * 36 }, (_, i) => 1 + (i % 5) / 4);

for (const { payloadBytes, step, coherence, rms, first } of vectors.solver.cases)
  test(`solver vector: ${payloadBytes} bytes, step ${step}`, () => {
    const profile = PROFILES.find(({ bytes }) => bytes === payloadBytes);
    assert.ok(profile);
    const code = encode(codeOf(profile), toBits(encodeBlock(payloadOf(payloadBytes), payloadBytes, key)));
    const carriers = new CarrierTable(key, profile, LUMA, grid).segment(0);
    const change = new Float64Array(cells.length);
    setTemplate(cutTemplate(templatePlane(key, 0), grid), caps, change);
    const solution = new Solver(grid).solve({ cells, caps, carriers, code }, step, change);

    const close = (value: number | undefined, expected: number) =>
      assert.ok(Math.abs((value ?? Number.NaN) - expected) <= 0.001, `${value} instead of ${expected}`);
    close(solution.coherence, coherence);
    close(Math.sqrt(solution.power), rms);
    for (const [i, expected] of first.entries()) close(change[i], expected);
  });
