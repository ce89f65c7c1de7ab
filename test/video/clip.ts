// The generated clip of the vectors.
import { Keystream } from '../../src/video/core/keystream.ts';
import { createPicture, type Picture } from '../../src/video/core/picture.ts';

export const CLIP = { width: 480, height: 270, frames: 50, framesPerSecond: 10 };

const TEXTURE = 524_288;

/** @returns the frames of the whole-clip vector; frame i is shown at i / 10 s */
export function vectorClip(key: Uint8Array): Picture[] {
  const stream = new Keystream(key, [9, 9, 9]);
  const texture = Uint8Array.from({ length: TEXTURE }, () => stream.u32());
  return Array.from({ length: CLIP.frames }, (_, i) => vectorFrame(texture, i));
}

function vectorFrame(texture: Uint8Array, i: number): Picture {
  const { width, height } = CLIP;
  const picture = createPicture(width, height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const sample = texture[1024 * y + ((x + 3 * i) & 1023)] ?? 0;
      picture.y[y * width + x] = 64 + (x >> 2) + (sample >> 3);
    }
  for (let y = 0; y < height >> 1; y++)
    for (let x = 0; x < width >> 1; x++) {
      picture.u[y * picture.strideC + x] = 118 + (y >> 4);
      picture.v[y * picture.strideC + x] = 134 - (x >> 4);
    }
  return picture;
}
