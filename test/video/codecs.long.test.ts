// What other encoders leave of a hidden payload: rates, sizes, codecs, frame rates, a second transcode.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { hide, reveal, userKey } from '../../src/video/index.ts';
import { drawDiscs, drawTexture, testFolder, transcode, writeFile } from './files.ts';

const folder = testFolder(after);
const key = userKey(new Uint8Array(32).fill(7));
const SECONDS = 6;
const FRAMES_PER_SECOND = 30;
const times = Array.from({ length: SECONDS * FRAMES_PER_SECOND }, (_, i) => i / FRAMES_PER_SECOND);
const whole = { codec: 'avc', width: 1280, height: 720, framesPerSecond: 30, bitsPerSecond: 2e6 } as const;
const small = { codec: 'avc', width: 854, height: 480, framesPerSecond: 30, bitsPerSecond: 800e3 } as const;

for (const [name, draw] of [
  ['disc', drawDiscs],
  ['texture', drawTexture],
] as const) {
  for (const bytes of [16, 256]) {
    describe(`${name}, ${bytes} bytes`, async () => {
      const payload = Uint8Array.from({ length: bytes }, (_, i) => 89 * i + 17);
      const clip = await writeFile(join(folder, `${name}.mp4`), {
        width: 1280,
        height: 720,
        times,
        draw,
        bitsPerSecond: 20e6,
      });
      const hidden = join(folder, `${name}${bytes}.mp4`);
      await hide(clip, payload, { key, output: hidden, verify: 'file' });
      let copies = 0;
      const isRead = async (path: string) => {
        assert.deepEqual((await reveal(path, { keys: [key] }))?.payload, payload);
        return path;
      };
      const copy = (from: string, options: Parameters<typeof transcode>[2]) => {
        return transcode(from, join(folder, `${name}${bytes}-${++copies}.mkv`), options);
      };

      test('720p at 2 Mbit/s', async () => void (await isRead(await copy(hidden, whole))));
      test('480p at 800 kbit/s, then again', async () => {
        const first = await isRead(await copy(hidden, small));
        await isRead(await copy(first, small));
      });
      test('480p with VP9', async () => void (await isRead(await copy(hidden, { ...small, codec: 'vp9' }))));
      test('480p with AV1', async () => void (await isRead(await copy(hidden, { ...small, codec: 'av1' }))));
      test('25 frames per second', async () =>
        void (await isRead(await copy(hidden, { ...small, framesPerSecond: 25 }))));
      test('0.5 s cut off at the start', async () => void (await isRead(await copy(hidden, { ...whole, from: 0.5 }))));
    });
  }
}
