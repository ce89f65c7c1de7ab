// Memory of a long 4K clip: it does not grow with the length.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { Picture } from '../../src/video/core/picture.ts';
import { drawTexture, testFolder, writeFile } from './files.ts';

const MAX_MEGABYTES = 700;
const SECONDS = 60;
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

test('60 seconds of 4K: less than 700 MB', { timeout: 1_800_000 }, async () => {
  const folder = testFolder(after);
  const draw = (picture: Picture, index: number) => {
    // Drawing is slower than encoding, so only the first picture is drawn and its rows move.
    if (index === 0) drawTexture(picture, 0);
    else picture.y.copyWithin(0, 2, picture.y.length);
  };
  const times = Array.from({ length: SECONDS * FRAMES_PER_SECOND }, (_, i) => i / FRAMES_PER_SECOND);
  const clip = await writeFile(join(folder, '4k.mp4'), {
    width: WIDTH,
    height: HEIGHT,
    times,
    draw,
    bitsPerSecond: 30e6,
  });
  const args = ['--input-type=module', '-e', PROGRAM, clip, join(folder, 'hidden.mp4')];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { found, megabytes } = JSON.parse(stdout);
  assert.equal(found, 16);
  assert.ok(megabytes < MAX_MEGABYTES, `${Math.round(megabytes)} MB`);
});
