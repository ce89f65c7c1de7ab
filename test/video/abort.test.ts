// Aborting: the promise rejects, and neither a file nor an open codec stays.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hide, reveal, userKey } from '../../src/video/index.ts';
import { testFolder, writeFile } from './files.ts';

const folder = testFolder(after);
const outputs = testFolder(after);
const key = userKey(new Uint8Array(32).fill(7));
const payload = new Uint8Array(16).fill(9);
const clip = await writeFile(join(folder, 'clip.mp4'), { audioTracks: 1 });

for (const [stage, share] of [
  ['look', 0],
  ['look', 0.9],
  ['change', 0],
  ['change', 0.5],
  ['change', 0.95],
  ['verify', 0],
] as const) {
  test(`hide, ${stage} at ${100 * share} %: aborted, and no file is left`, async () => {
    const controller = new AbortController();
    const output = join(outputs, 'hidden.mp4');
    const onProgress = (at: string, reached: number) => {
      if (at === stage && reached >= share) controller.abort();
    };
    const options = { key, output, signal: controller.signal, onProgress };
    await assert.rejects(hide(clip, payload, options), { code: 'aborted' });
    assert.deepEqual(readdirSync(outputs), []);
  });
}

test('hide, in the middle of the transcode', async () => {
  const controller = new AbortController();
  const output = join(outputs, 'hidden.mp4');
  const onProgress = (stage: string, share: number) => {
    if (stage === 'verify' && share > 0.5) controller.abort();
  };
  await assert.rejects(hide(clip, payload, { key, output, signal: controller.signal, onProgress }), {
    code: 'aborted',
  });
  assert.deepEqual(readdirSync(outputs), []);
});

test('aborted before the start', async () => {
  const signal = AbortSignal.abort();
  await assert.rejects(hide(clip, payload, { key, signal }), { code: 'aborted' });
  await assert.rejects(reveal(clip, { keys: [key], signal }), { code: 'aborted' });
});

test('reveal, while it decodes and while it searches', async () => {
  for (const share of [0.2, 0.9]) {
    const controller = new AbortController();
    const onProgress = (reached: number) => {
      if (reached >= share - 0.05) controller.abort();
    };
    await assert.rejects(reveal(clip, { keys: [key], signal: controller.signal, onProgress }), { code: 'aborted' });
  }
});
