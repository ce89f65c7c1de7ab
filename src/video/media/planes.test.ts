// Pixel formats: every format becomes the same 8-bit picture.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PlaneBuffer, planeFormat } from './planes.ts';

const [WIDTH, HEIGHT] = [8, 6];
const lumaAt = (x: number, y: number) => 20 + 9 * x + 21 * y;
const chromaAt = (plane: number, x: number, y: number) => 60 + 40 * plane + 7 * x + 3 * y;

/** Fills a buffer whose chroma samples have the values of the 4:2:0 picture, shifted by `shift` bits. */
function fill(buffer: PlaneBuffer, name: string, shift: number): void {
  const format = planeFormat(name);
  assert.ok(format);
  const samples = shift === 0 ? buffer.bytes : new Uint16Array(buffer.bytes.buffer);
  const size = shift === 0 ? 1 : 2;
  const [luma, first, second] = buffer.layout;
  assert.ok(luma && first);
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) samples[luma.offset + (y * luma.stride) / size + x] = lumaAt(x, y) << shift;
  const { shiftX, shiftY, isInterleaved } = format;
  for (let plane = 0; plane < 2; plane++) {
    const { offset, stride } = isInterleaved ? first : ([first, second][plane] ?? first);
    for (let y = 0; y < HEIGHT >> shiftY; y++)
      for (let x = 0; x < WIDTH >> shiftX; x++) {
        const value = chromaAt(plane, x >> (1 - shiftX), y >> (1 - shiftY)) << shift;
        samples[(offset + y * stride) / size + (isInterleaved ? 2 * x + plane : x)] = value;
      }
  }
}

describe('the same picture from', () => {
  for (const name of ['I420', 'NV12', 'I422', 'I444', 'I420P10', 'I422P10', 'I444P10', 'I420P12', 'I420A']) {
    test(name, () => {
      const format = planeFormat(name);
      assert.ok(format);
      const buffer = new PlaneBuffer(format, WIDTH, HEIGHT, name.endsWith('A'));
      fill(buffer, name, format.bits - 8);
      buffer.convert();
      const { y, u, v } = buffer.picture;
      for (let i = 0; i < y.length; i++) assert.equal(y[i], lumaAt(i % WIDTH, Math.floor(i / WIDTH)));
      for (const [plane, samples] of [u, v].entries()) {
        for (let i = 0; i < samples.length; i++) {
          assert.equal(samples[i], chromaAt(plane, i % (WIDTH / 2), Math.floor(i / (WIDTH / 2))));
        }
      }
    });
  }
});

test('10 bits: the mean of a flat area is kept, and the brightest value does not overflow', () => {
  const format = planeFormat('I420P10');
  assert.ok(format);
  for (const value of [401, 402, 403, 1023]) {
    const buffer = new PlaneBuffer(format, 16, 16, false);
    new Uint16Array(buffer.bytes.buffer).fill(value);
    buffer.convert();
    const { y, u } = buffer.picture;
    const mean = (samples: Uint8Array) => samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
    const expected = Math.min(255, value / 4);
    assert.ok(Math.abs(mean(y) - expected) < 0.15, `luma ${mean(y)}, expected ${expected}`);
    assert.ok(Math.abs(mean(u) - expected) < 0.15, `chroma ${mean(u)}, expected ${expected}`);
  }
});

test('formats that are not supported', () => {
  for (const name of [null, 'RGBA', 'BGRX']) assert.equal(planeFormat(name), undefined);
});
