// Synthetic clips and what channels do to their pictures, without a codec.
import { Keystream } from '../../src/video/core/keystream.ts';
import { type Orientation, toDisplayed, turnSize } from '../../src/video/core/orient.ts';
import { createPicture, type Picture } from '../../src/video/core/picture.ts';
import { AreaMeans, evenAxis } from '../../src/video/core/reduce.ts';
import { key } from './vectors.ts';

/** One displayed picture; times are in seconds since the first one. */
export interface Frame {
  readonly picture: Picture;
  readonly time: number;
  readonly duration: number;
}

export type Clip = readonly Frame[];
export type Change = (clip: Clip) => Clip;

/** Copies of the planes of a picture, changed by `change`. */
type PlaneChange = (plane: Uint8Array, width: number, height: number, isChroma: boolean) => Uint8Array;

function changePlanes({ width, height, y, u, v }: Picture, change: PlaneChange, target = { width, height }): Picture {
  const picture = createPicture(target.width, target.height);
  picture.y.set(change(y, width, height, false));
  picture.u.set(change(u, width / 2, height / 2, true));
  picture.v.set(change(v, width / 2, height / 2, true));
  return picture;
}

function changePictures(clip: Clip, change: (picture: Picture, index: number) => Picture): Clip {
  return clip.map((frame, index) => ({ ...frame, picture: change(frame.picture, index) }));
}

const stream = new Keystream(key, [9, 9, 9]);
const texture = Uint8Array.from({ length: 2 ** 20 }, () => stream.u32() & 255);

/**
 * A noisy texture that moves over a ramp of brightness.
 *
 * @param speed samples per second
 */
export function texturedClip(width: number, height: number, fps: number, seconds: number, speed = 30): Clip {
  return Array.from({ length: Math.round(fps * seconds) }, (_, i) => {
    const picture = createPicture(width, height);
    const offset = Math.round((speed * i) / fps);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        picture.y[y * width + x] =
          64 + (120 * x) / width + ((texture[(1024 * y + ((x + offset) & 1023)) & (2 ** 20 - 1)] ?? 0) >> 3);
    for (let y = 0; y < height / 2; y++)
      for (let x = 0; x < width / 2; x++) {
        picture.u[(y * width) / 2 + x] = 118 + (16 * y) / height;
        picture.v[(y * width) / 2 + x] = 134 - (28 * x) / width;
      }
    return { picture, time: i / fps, duration: 1 / fps };
  });
}

/** Weights 1 2 1 in both directions. */
export const blur: Change = (clip) =>
  changePictures(clip, (picture) =>
    changePlanes(picture, (plane, width, height) => {
      const target = new Uint8Array(plane.length);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          let sum = 0;
          for (let dy = -1; dy <= 1; dy++)
            for (let dx = -1; dx <= 1; dx++) {
              const row = Math.max(0, Math.min(height - 1, y + dy));
              const column = Math.max(0, Math.min(width - 1, x + dx));
              sum += (plane[row * width + column] ?? 0) * (2 - Math.abs(dx)) * (2 - Math.abs(dy));
            }
          target[y * width + x] = (sum + 8) >> 4;
        }
      return target;
    }),
  );

/** Changes every sample on its own. */
function perSample(change: (value: number, isChroma: boolean, index: number) => number): Change {
  return (clip) =>
    changePictures(clip, (picture, index) =>
      changePlanes(picture, (plane, _width, _height, isChroma) =>
        plane.map((value) => Math.max(0, Math.min(255, Math.round(change(value, isChroma, index))))),
      ),
    );
}

/** Noise of standard deviation `sigma` (the sum of four uniform values). */
export function noise(sigma: number): Change {
  const random = new Keystream(key, [7, 7, 7]);
  const scale = (sigma * Math.sqrt(3)) / 255;
  return perSample((value) => {
    const word = random.u32();
    const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
    return value + scale * (sum - 510);
  });
}

/** Rounds samples to multiples of `step`. */
export const requantize = (step: number) => perSample((value) => step * Math.round(value / step));

export const gain = (factor: number) =>
  perSample((value, isChroma) => (isChroma ? 128 + factor * (value - 128) : factor * value));

/** Fades in from black over the first seconds. */
export function fadeIn(seconds: number): Change {
  return (clip) => {
    const shares = clip.map(({ time }) => Math.min(1, time / seconds));
    return perSample((value, isChroma, index) => {
      const black = isChroma ? 128 : 16;
      return black + (shares[index] ?? 1) * (value - black);
    })(clip);
  };
}

export function scale(width: number, height: number): Change {
  return (clip) =>
    changePictures(clip, (picture) =>
      changePlanes(
        picture,
        (plane, fromWidth, fromHeight, isChroma) => {
          const half = isChroma ? 2 : 1;
          const [columns, rows] = [width / half, height / half];
          const means = new Float64Array(columns * rows);
          const bounds = { x: 0, y: 0, width: fromWidth, height: fromHeight };
          const area = new AreaMeans(evenAxis(0, fromWidth, columns), evenAxis(0, fromHeight, rows), bounds);
          area.reduce(plane, fromWidth, means);
          return Uint8Array.from(means, (value) => Math.round(value));
        },
        { width, height },
      ),
    );
}

/** Turns the pictures, as an editor does that does not keep the orientation in the container. */
export function turn(orientation: Orientation): Change {
  return (clip) =>
    changePictures(clip, (picture) => {
      const change: PlaneChange = (plane, width, height) => {
        const displayed = turnSize(orientation, { width, height });
        const turned = new Float64Array(plane.length);
        toDisplayed(orientation, displayed.width, displayed.height, Float64Array.from(plane), turned);
        return Uint8Array.from(turned);
      };
      return changePlanes(picture, change, turnSize(orientation, picture));
    });
}

/** Cuts sides off, or adds black bars where the number of samples is negative. All numbers are even. */
export function cut(left: number, right: number, top: number, bottom: number): Change {
  return (clip) =>
    changePictures(clip, (picture) => {
      const target = { width: picture.width - left - right, height: picture.height - top - bottom };
      const change: PlaneChange = (plane, width, height, isChroma) => {
        const half = isChroma ? 2 : 1;
        const columns = target.width / half;
        return Uint8Array.from({ length: (columns * target.height) / half }, (_, i) => {
          const x = (i % columns) + left / half;
          const y = Math.floor(i / columns) + top / half;
          const isInside = x >= 0 && y >= 0 && x < width && y < height;
          return isInside ? (plane[y * width + x] ?? 0) : isChroma ? 128 : 16;
        });
      };
      return changePlanes(picture, change, target);
    });
}

/** The frames from `seconds` on, with new times. */
export function skip(seconds: number): Change {
  return (clip) => {
    const rest = clip.filter(({ time }) => time >= seconds - 1e-9);
    const start = rest[0]?.time ?? 0;
    return rest.map((frame) => ({ ...frame, time: frame.time - start }));
  };
}

/** Repeats or drops frames for another frame rate. */
export function resample(fps: number): Change {
  return (clip) => {
    const last = clip.at(-1);
    const end = last === undefined ? 0 : last.time + last.duration;
    return Array.from({ length: Math.round(end * fps) }, (_, i) => {
      const frame = clip.findLast(({ time }) => time <= i / fps + 1e-9);
      if (frame === undefined) throw new Error('the clip has no frames');
      return { picture: frame.picture, time: i / fps, duration: 1 / fps };
    });
  };
}

/** Drops the frames that `isDropped` selects; the previous ones are displayed longer. */
export function drop(isDropped: (index: number) => boolean): Change {
  return (clip) => {
    const kept = clip.filter((_, index) => index === 0 || !isDropped(index));
    const last = clip.at(-1);
    const end = last === undefined ? 0 : last.time + last.duration;
    return kept.map((frame, i) => ({ ...frame, duration: (kept[i + 1]?.time ?? end) - frame.time }));
  };
}

/** Applies changes in order. */
export function change(clip: Clip, ...changes: readonly Change[]): Clip {
  return changes.reduce((result, next) => next(result), clip);
}
