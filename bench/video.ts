// The core of the video channel without containers and codecs: processor time of writer and reader.
import { Embedder } from '../src/video/core/embedder.ts';
import { Extractor } from '../src/video/core/extractor.ts';
import { Keystream } from '../src/video/core/keystream.ts';
import { layoutOf } from '../src/video/core/layout.ts';
import { UPRIGHT } from '../src/video/core/orient.ts';
import { createPicture, type Picture } from '../src/video/core/picture.ts';
import { profileFor } from '../src/video/core/profiles.ts';
import { runLoad } from './support/load.ts';
import { type Candidate, type Context, compare, type Result } from './support/rounds.ts';

export const VIDEO_CORE_PART = 'video core, 1280×720';

/** Pictures of the clip that is planned: 10 s. */
export const PLANNED_PICTURES = 300;

/** Pictures of the clip that is searched: 30 s. */
const SEARCHED_PICTURES = 900;

const WIDTH = 1280;
const HEIGHT = 720;
const PICTURES_PER_SECOND = 30;
const PAYLOAD_BYTES = 256;
const KEY = new Uint8Array(32);

const noPause = async () => {};

export async function measureVideo(context: Context): Promise<Result[]> {
  const picture = texturedPicture();
  const embedder = createEmbedder();
  for (let i = 0; i < PLANNED_PICTURES; i++) embedder.look(picture, i / PICTURES_PER_SECOND, 1 / PICTURES_PER_SECOND);
  await embedder.plan('invisible', noPause);

  let other = createEmbedder();
  const look = pictures((time) => {
    if (time === 0) other = createEmbedder();
    other.look(picture, time, 1 / PICTURES_PER_SECOND);
  });
  const change = pictures((time) => embedder.change(picture, time, 1 / PICTURES_PER_SECOND));
  return compare(
    VIDEO_CORE_PART,
    [
      inThisProcess('look at a picture', look),
      inThisProcess('change a picture', change),
      inThisProcess('plan 10 s', () => embedder.plan('invisible', noPause)),
      inThisProcess('read a picture', createReader(picture)),
      inThisProcess('search 30 s without a mark', await createSearch()),
    ],
    context,
  );
}

function inThisProcess(name: string, act: () => unknown): Candidate {
  return { name, round: (milliseconds) => runLoad([0], async () => act(), { milliseconds, pids: [process.pid] }) };
}

/** @returns a function that calls `use` for the next picture of the 10 seconds, which begin again at their end */
function pictures(use: (time: number) => void): () => void {
  let next = 0;
  return () => {
    use(next / PICTURES_PER_SECOND);
    next = (next + 1) % PLANNED_PICTURES;
  };
}

/** @returns a function that gives an extractor the next picture; each one gets fewer than an attempt needs */
function createReader(picture: Picture): () => unknown {
  let extractor = createExtractor();
  let next = 0;
  return () => {
    if (next === 6 * PICTURES_PER_SECOND) {
      extractor = createExtractor();
      next = 0;
    }
    return extractor.add(picture, next++ / PICTURES_PER_SECOND, 1 / PICTURES_PER_SECOND);
  };
}

/** @returns a function that searches a clip at its end */
async function createSearch(): Promise<() => unknown> {
  const pictures = Array.from({ length: 7 }, (_, i) => texturedPicture(i));
  const extractor = createExtractor();
  for (let i = 0; i < SEARCHED_PICTURES; i++) {
    const picture = pictures[(i * i) % pictures.length];
    if (picture) await extractor.add(picture, i / PICTURES_PER_SECOND, 1 / PICTURES_PER_SECOND);
  }
  return () => extractor.finish();
}

function createExtractor(): Extractor {
  const shape = { width: WIDTH, height: HEIGHT, orientation: UPRIGHT };
  return new Extractor({ shape, area: { x: 0, y: 0, width: WIDTH, height: HEIGHT }, keys: [KEY], pause: noPause });
}

function createEmbedder(): Embedder {
  const area = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  const layout = layoutOf({ width: WIDTH, height: HEIGHT, orientation: UPRIGHT }, area);
  const profile = profileFor(PAYLOAD_BYTES);
  if (layout === undefined || profile === undefined) throw new Error('the size or payload is not supported');
  return new Embedder(layout, KEY, profile, new Uint8Array(PAYLOAD_BYTES));
}

function texturedPicture(seed = 0): Picture {
  const stream = new Keystream(KEY, [0, 0, seed]);
  const picture = createPicture(WIDTH, HEIGHT);
  for (let i = 0; i < picture.y.length; i++) picture.y[i] = 60 + ((i % WIDTH) >> 4) + (stream.u32() & 31);
  return picture;
}
