// Containers and codecs: what a hidden clip keeps, and which clips are accepted.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { EncodedPacketSink } from 'mediabunny';
import {
  type Capacity,
  capacity,
  type Hidden,
  type HideOptions,
  hide,
  publicKey,
  reveal,
  userKey,
} from '../../src/video/index.ts';
import { Clip } from '../../src/video/media/clip.ts';
import { decodeFrames } from '../../src/video/media/frames.ts';
import { drawDiscs, testFolder, writeFile } from './files.ts';

const folder = testFolder(after);
const key = userKey(new Uint8Array(32).fill(7));
const payload = Uint8Array.from({ length: 16 }, (_, i) => 89 * i + 17);
/** Large enough that the low rate of the transcode leaves something. */
const VGA = { width: 640, height: 480, times: Array.from({ length: 125 }, (_, i) => i / 24), draw: drawDiscs };
let files = 0;
const newPath = (extension = 'mp4') => join(folder, `${++files}.${extension}`);

/** Hides without the worst-case transcode, which has its own test, and reads back. */
async function hideQuickly(input: string, options: Partial<HideOptions> = {}): Promise<Hidden & { path: string }> {
  const path = newPath();
  return { ...(await hide(input, payload, { key, verify: 'file', output: path, ...options })), path };
}

/** Of the packets and, unless the container divides the samples as it likes, their times. */
async function packetHashes(path: string, withTimes = true): Promise<string[]> {
  const clip = await Clip.open(path);
  const hashes: string[] = [];
  for (const track of clip.audio) {
    const hash = createHash('sha256');
    for await (const { data, timestamp } of new EncodedPacketSink(track).packets()) {
      hash.update(data).update(withTimes ? timestamp.toFixed(5) : '');
    }
    hashes.push(hash.digest('hex'));
  }
  clip.close();
  return hashes;
}

async function frameTimes(path: string): Promise<number[][]> {
  const clip = await Clip.open(path);
  const times: number[][] = [];
  for await (const { time, duration, timestamp } of decodeFrames(clip)) {
    times.push([time, duration, timestamp].map((value) => Math.round(value * 1000)));
  }
  clip.close();
  return times;
}

test('a payload is read back from the file and from a transcode at low quality', async () => {
  const stages: string[] = [];
  const shares: number[] = [];
  const hidden = await hideQuickly(await writeFile(newPath(), VGA), {
    verify: 'worst-case',
    onProgress: (stage, share) => {
      if (stages.at(-1) !== stage) stages.push(stage);
      shares.push(share);
    },
  });
  assert.deepEqual(hidden.verified, ['file', '480p']);
  assert.deepEqual(stages.slice(0, 3), ['look', 'change', 'verify']);
  assert.ok(shares.every((share) => share >= 0 && share <= 1));
  assert.equal(hidden.video.type, 'video/mp4');
  assert.equal(hidden.video.size, statSync(hidden.path).size);
  const found = await reveal(hidden.path, { keys: [publicKey(), key] });
  assert.deepEqual([found?.payload, found?.profile, found?.keyIndex], [payload, 'token', 1]);
});

test('audio packets and their times are copied unchanged, from all tracks', async () => {
  const clip = await writeFile(newPath(), { audioTracks: 2 });
  const { path } = await hideQuickly(clip);
  const expected = await packetHashes(clip);
  assert.equal(new Set(expected).size, 2);
  assert.deepEqual(await packetHashes(path), expected);
});

test('audio that MP4 cannot hold selects another container', async () => {
  const clip = await writeFile(newPath('mkv'), { audioTracks: 1, audioCodec: 'pcm-u8' });
  const { path, video } = await hideQuickly(clip, { verify: 'none' });
  assert.equal(video.type, 'video/quicktime');
  assert.deepEqual(await packetHashes(path, false), await packetHashes(clip, false));
});

describe('orientation', () => {
  for (const [rotation, isMirrored] of [
    [90, false],
    [180, true],
    [270, false],
  ] as const) {
    test(`${rotation} degrees${isMirrored ? ', mirrored' : ''}: kept, and the payload is read back`, async () => {
      const { path } = await hideQuickly(await writeFile(newPath(), { rotation, isMirrored }));
      const clip = await Clip.open(path);
      assert.deepEqual(clip.orientation, { rotation, isMirrored });
      clip.close();
    });
  }
});

test('variable frame rate and a late start: times are kept, and segments count from the first frame', async () => {
  const times = Array.from({ length: 48 }, (_, i) => 1 + i / 8 + (i % 3) / 40);
  const clip = await writeFile(newPath(), { times });
  const { path } = await hideQuickly(clip);
  const expected = await frameTimes(clip);
  assert.deepEqual(expected[0], [0, 150, 1000]);
  assert.deepEqual(await frameTimes(path), expected);
});

test('color tags are kept, full range too', async () => {
  const color = { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: true } as const;
  const { path } = await hideQuickly(await writeFile(newPath(), { color }));
  const clip = await Clip.open(path);
  assert.deepEqual(await clip.video.getColorSpace(), color);
  clip.close();
});

for (const codec of ['hevc', 'vp9'] as const) {
  test(`${codec} is read`, async () => {
    await hideQuickly(await writeFile(newPath('mkv'), { codec }));
  });
}

test('a truncated file: the readable part is used', async () => {
  const clip = await writeFile(newPath('mkv'), { seconds: 9 });
  truncateSync(clip, Math.round(statSync(clip).size * 0.8));
  const { path } = await hideQuickly(clip);
  assert.ok((await frameTimes(path)).length >= 55);
});

test('bytes and blobs are read like files', async () => {
  const { path } = await hideQuickly(await writeFile(newPath()));
  const bytes = readFileSync(path);
  for (const input of [new Uint8Array(bytes), new Blob([bytes])]) {
    assert.deepEqual((await reveal(input, { keys: [key] }))?.payload, payload);
  }
});

test('a stream gets the verified file as positioned chunks', async () => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const output = new WritableStream<{ data: Uint8Array; position: number }>({
    write: ({ data, position }) => {
      assert.equal(position, length);
      length += data.length;
      chunks.push(data);
    },
  });
  const { video } = await hide(await writeFile(newPath()), payload, { key, verify: 'none', output });
  assert.deepEqual(Buffer.concat(chunks), Buffer.from(await video.arrayBuffer()));
});

describe('refused before decoding', () => {
  const cases: [string, string, Parameters<typeof writeFile>[1], Partial<Capacity>][] = [
    ['too short', 'too_short', { seconds: 3 }, { profiles: [], bytes: 0 }],
    ['too small', 'too_small', { width: 320, height: 160 }, { width: 320, height: 160 }],
    ['too long for its short side', 'unsupported_shape', { width: 960, height: 240 }, { bytes: 0 }],
    ['HDR', 'hdr_unsupported', { color: { primaries: 'bt2020', transfer: 'hlg', matrix: 'bt2020-ncl' } }, {}],
  ];
  for (const [title, code, options, expected] of cases) {
    test(title, async () => {
      const clip = await writeFile(newPath(), { ...options, draw: () => {} });
      const found = await capacity(clip);
      assert.equal(found.problem, code);
      assert.partialDeepStrictEqual(found, expected);
      const output = newPath();
      await assert.rejects(hide(clip, payload, { key, output }), { code });
      assert.equal(existsSync(output), false);
    });
  }

  test('payloads that are too long for the format or for the clip, a token with the public key', async () => {
    const clip = await writeFile(newPath(), { draw: () => {} });
    assert.deepEqual((await capacity(clip)).profiles, ['token', 'b128', 'b256']);
    await assert.rejects(hide(clip, new Uint8Array(513), { key }), { code: 'payload_too_large' });
    await assert.rejects(hide(clip, new Uint8Array(512), { key }), { code: 'too_short' });
    await assert.rejects(hide(clip, payload, { key: publicKey() }), { code: 'public_key_refused' });
  });

  test('files that are not videos', async () => {
    for (const input of [new Uint8Array(0), new Uint8Array(5_000).fill(65)]) {
      await assert.rejects(reveal(input, { keys: [key] }), { code: 'unreadable' });
      await assert.rejects(capacity(input), { code: 'unreadable' });
    }
  });
});
