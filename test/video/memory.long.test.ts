// Memory of a long 4K clip: it does not grow with the length.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { Picture } from '../../src/video/core/picture.ts';
import { drawTexture, testFolder, writeFile } from './files.ts';

/** Between the two clips: keeping the pictures of the difference would take 1,800 MB, and collecting garbage later takes up to 200. */
const MAX_GROWTH_MEGABYTES = 600;
const [SHORT_SECONDS, LONG_SECONDS] = [15, 45];
/** Fewer than usual: memory depends on the size of a frame and on the length, and the time of the test on their number. */
const FRAMES_PER_SECOND = 5;
const [WIDTH, HEIGHT] = [3_840, 2_160];
const video = join(import.meta.dirname, '..', '..', 'src', 'video');

const PROGRAM = `
import '${video}/media/node.ts';
import { hide, reveal, userKey } from '${video}/index.ts';
const [clip, output] = process.argv.slice(1);
const key = userKey(new Uint8Array(32).fill(7));
await hide(clip, new Uint8Array(16).fill(9), { key, output });
const found = await reveal(output, { keys: [key] });
process.stdout.write(JSON.stringify({ found: found?.payload.length, megabytes: process.resourceUsage().maxRSS / 1024 }));
`;

/** Hides in a clip of this length and reveals. @returns the peak of the memory in megabytes */
async function peakMemory(folder: string, seconds: number): Promise<number> {
  const draw = (picture: Picture, index: number) => {
    // Drawing is slower than encoding, so only the first picture is drawn and its rows move.
    if (index === 0) drawTexture(picture, 0);
    else picture.y.copyWithin(0, 2, picture.y.length);
  };
  const times = Array.from({ length: seconds * FRAMES_PER_SECOND }, (_, i) => i / FRAMES_PER_SECOND);
  const clip = await writeFile(join(folder, `${seconds}.mp4`), {
    width: WIDTH,
    height: HEIGHT,
    times,
    draw,
    bitsPerSecond: 30e6,
  });
  const args = ['--input-type=module', '-e', PROGRAM, clip, join(folder, `${seconds}-hidden.mp4`)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { found, megabytes } = JSON.parse(stdout);
  assert.equal(found, 16);
  return megabytes;
}

test('4K: the memory does not grow with the length of the clip', { timeout: 1_800_000 }, async (t) => {
  const folder = testFolder(after);
  const short = await peakMemory(folder, SHORT_SECONDS);
  const long = await peakMemory(folder, LONG_SECONDS);
  t.diagnostic(`${Math.round(short)} MB, ${Math.round(long)} MB`);
  assert.ok(long < short + MAX_GROWTH_MEGABYTES, `${Math.round(short)} MB, then ${Math.round(long)} MB`);
});
