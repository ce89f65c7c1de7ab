// Video files for tests, made by the codec package itself.
import '../../src/video/media/node.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AudioSample,
  AudioSampleSource,
  FilePathTarget,
  MkvOutputFormat,
  Mp4OutputFormat,
  Output,
  VideoSample,
  VideoSampleSource,
} from 'mediabunny';
import { createPicture, type Picture } from '../../src/video/core/picture.ts';
import { cellMeans } from '../../src/video/core/reduce.ts';
import { Clip } from '../../src/video/media/clip.ts';
import { decodeFrames } from '../../src/video/media/frames.ts';

/** The smallest picture that is accepted, and few frames: enough for a token, and cheap. */
const WIDTH = 432;
const HEIGHT = 240;
const FRAMES_PER_SECOND = 10;
const AUDIO_RATE = 48_000;

export interface FileOptions {
  readonly width?: number;
  readonly height?: number;
  readonly seconds?: number;
  /** Start times of the frames; by default ten per second. */
  readonly times?: readonly number[];
  readonly codec?: 'avc' | 'hevc' | 'vp9' | 'av1';
  readonly bitsPerSecond?: number;
  readonly rotation?: 0 | 90 | 180 | 270;
  readonly isMirrored?: boolean;
  readonly color?: VideoColorSpaceInit;
  readonly audioTracks?: number;
  /** Default: AAC. */
  readonly audioCodec?: 'aac' | 'pcm-u8';
  /** Draws one frame; by default a texture that moves. */
  readonly draw?: (picture: Picture, index: number) => void;
}

/** A folder that is removed after the test. */
export function testFolder(after: (remove: () => void) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'vws-video-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Moves a texture of blocks and grain by two samples per frame, over a ramp of brightness. */
export function drawTexture({ width, height, y, u, v }: Picture, index: number): void {
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < width; x++) {
      const at = (x + 2 * index) * 2_654_435_761 + row * 40_503;
      const block = (((x + 2 * index) >> 4) * 7 + (row >> 4) * 13) % 29;
      y[row * width + x] = 60 + (x * 100) / width + block + ((at >>> 13) & 15);
    }
  }
  const half = width >> 1;
  for (let i = 0; i < u.length; i++) {
    u[i] = 118 + ((i % half) * 20) / half;
    v[i] = 120 + (i * 16) / v.length + (((i * 40_503) >>> 9) & 3);
  }
}

/** Moves a bright disc over a smooth background, which codecs preserve well. */
export function drawDiscs({ width, height, y, u, v }: Picture, index: number): void {
  const [centerX, centerY] = [width / 2 + 3 * index, height / 2];
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < width; x++) {
      const isInside = (x - centerX) ** 2 + (row - centerY) ** 2 < 2_500;
      y[row * width + x] = isInside ? 180 : 70 + (x * 60) / width + 20 * Math.sin(row / 9) + 8 * Math.cos(x / 3);
    }
  }
  u.fill(120);
  v.fill(132);
}

/** Writes a file and returns its path. */
export async function writeFile(path: string, options: FileOptions = {}): Promise<string> {
  const { width = WIDTH, height = HEIGHT, seconds = 5.2, rotation = 0, isMirrored = false, audioTracks = 0 } = options;
  const { codec = 'avc', color = {}, draw = drawTexture, audioCodec = 'aac' } = options;
  const count = Math.round(seconds * FRAMES_PER_SECOND);
  const times = options.times ?? Array.from({ length: count }, (_, i) => i / FRAMES_PER_SECOND);
  const format = path.endsWith('.mkv') ? new MkvOutputFormat() : new Mp4OutputFormat({ fastStart: false });
  const output = new Output({ format, target: new FilePathTarget(path) });
  const video = new VideoSampleSource({
    codec,
    bitrate: options.bitsPerSecond ?? 3e6,
    latencyMode: 'realtime',
    hardwareAcceleration: 'prefer-software',
    onEncodedPacket: (_packet, meta) => {
      if (meta?.decoderConfig) meta.decoderConfig.colorSpace = color;
    },
  });
  output.addVideoTrack(video, { rotation, flip: isMirrored });
  const audio = Array.from(
    { length: audioTracks },
    () => new AudioSampleSource({ codec: audioCodec, bitrate: 64_000 }),
  );
  for (const source of audio) output.addAudioTrack(source);
  await output.start();
  for (const [i, source] of audio.entries()) {
    const sample = tone(300 * (i + 1), seconds);
    await source.add(sample);
    sample.close();
    source.close();
  }
  const picture = createPicture(width, height);
  for (const [i, timestamp] of times.entries()) {
    draw(picture, i);
    const duration = (times[i + 1] ?? timestamp + 1 / FRAMES_PER_SECOND) - timestamp;
    const bytes = new Uint8Array(picture.y.buffer as ArrayBuffer);
    const init = { format: 'I420', codedWidth: width, codedHeight: height, timestamp, duration } as const;
    const sample = new VideoSample(bytes, { ...init, colorSpace: color });
    await video.add(sample);
    sample.close();
  }
  await output.finalize();
  return path;
}

export interface TranscodeOptions {
  readonly codec: 'avc' | 'hevc' | 'vp9' | 'av1';
  readonly bitsPerSecond: number;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** Seconds to leave out at the start. */
  readonly from?: number;
}

/** Writes what a messenger could make of a file, and returns its path. */
export async function transcode(input: string, path: string, options: TranscodeOptions): Promise<string> {
  const { codec, bitsPerSecond, width, height, framesPerSecond, from = 0 } = options;
  const clip = await Clip.open(input);
  const pictures: Picture[] = [];
  for await (const { picture, time, duration } of decodeFrames(clip)) {
    // The picture that is shown when a frame of the new rate begins.
    while (from + pictures.length / framesPerSecond < time + duration - 1e-6) {
      if (from + pictures.length / framesPerSecond < time - 1e-6) break;
      pictures.push(scale(picture, width, height));
    }
  }
  clip.close();
  const times = pictures.map((_, i) => i / framesPerSecond);
  const draw = (picture: Picture, index: number) => {
    const source = pictures[index];
    for (const plane of ['y', 'u', 'v'] as const) if (source) picture[plane].set(source[plane]);
  };
  return writeFile(path, { codec, bitsPerSecond, width, height, times, draw });
}

function scale(from: Picture, width: number, height: number): Picture {
  const to = createPicture(width, height);
  for (const [plane, shift, stride] of [
    ['y', 0, from.strideY],
    ['u', 1, from.strideC],
    ['v', 1, from.strideC],
  ] as const) {
    const rectangle = { x: 0, y: 0, width: from.width >> shift, height: from.height >> shift };
    const means = new Float64Array((width >> shift) * (height >> shift));
    cellMeans(rectangle, width >> shift, height >> shift).reduce(from[plane], stride, means);
    to[plane].set(means.map((value) => value + 0.5));
  }
  return to;
}

function tone(hertz: number, seconds: number): AudioSample {
  const data = Float32Array.from(
    { length: AUDIO_RATE * seconds },
    (_, i) => Math.sin((hertz * 2 * Math.PI * i) / AUDIO_RATE) / 4,
  );
  return new AudioSample({ data, format: 'f32', numberOfChannels: 1, sampleRate: AUDIO_RATE, timestamp: 0 });
}
