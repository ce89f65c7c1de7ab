// Hides a payload in a clip: look, change, verify.

import { checkClip } from './capacity.ts';
import { Embedder } from './core/embedder.ts';
import type { Layout } from './core/layout.ts';
import type { Strength } from './core/plan.ts';
import type { ProfileName } from './core/profiles.ts';
import { VideoError } from './errors.ts';
import type { PatternKey } from './keys.ts';
import { Clip, type ClipHeader, type VideoInput } from './media/clip.ts';
import { decodeFrames, throwIfAborted } from './media/frames.ts';
import { copyTo, createOutput, type OutputFile, type PositionedChunk } from './media/storage.ts';
import { ClipWriter, outputFormatFor, type VideoSettings } from './media/write.ts';
import { createPause } from './pause.ts';
import { readShape } from './shape.ts';
import { type Expected, readsBack, survivesTranscode } from './verify.ts';

export interface HideOptions {
  readonly key: PatternKey;
  /** Default: `invisible`, raised once if the worst-case transcode does not return the payload. */
  readonly strength?: Strength;
  /** Copies that are read back before the clip is handed out. Default: `worst-case`, the file and a transcode at 480p. */
  readonly verify?: 'worst-case' | 'file' | 'none';
  /** A path (Node.js only), or a stream that gets the verified file. Default: a temporary file. */
  readonly output?: string | WritableStream<PositionedChunk>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: 'look' | 'change' | 'verify', share: number) => void;
}

export interface Hidden {
  /** Backed by the file. */
  readonly video: Blob;
  /** True if an HDR clip was converted to SDR. */
  readonly toneMapped: boolean;
  readonly profile: ProfileName;
  readonly strength: Strength;
  /** PSNR of luma in dB before encoding; the higher, the less was changed. */
  readonly psnr: number;
  /** Copies that returned the payload: `file`, `480p`. */
  readonly verified: readonly string[];
}

/** Above 1080p the rate of the encoder is limited to this many bits per second, unless the source has more. */
const MOST_BITS_PER_SECOND = 40e6;
const LARGE_PIXELS = 1920 * 1088;
const BITS_PER_PIXEL = 0.3;
const SOURCE_FACTOR = 1.2;

/**
 * Hides a payload. The audio is copied unchanged; other metadata of the file is left out.
 *
 * @param payload at most 512 bytes; the smallest profile that holds them is used
 * @throws VideoError of every code except `damaged`. No file is left then
 */
export async function hide(input: VideoInput, payload: Uint8Array, options: HideOptions): Promise<Hidden> {
  throwIfAborted(options.signal);
  const clip = await Clip.open(input);
  try {
    const header = await clip.readHeader();
    const profile = await checkClip(clip, header, payload, options.key);
    const embedder = await look(clip, header, options, (layout) => {
      return new Embedder(layout, options.key.bytes, profile, payload);
    });
    for (const strength of strengthsOf(options)) {
      const hidden = await attempt(clip, header, embedder, payload, strength, options);
      if (hidden !== undefined) return { ...hidden, profile: profile.name };
    }
    throw new VideoError('not_robust', 'The payload did not survive a test at 480p.');
  } finally {
    clip.close();
  }
}

/** The strengths to try, in order. */
function strengthsOf({ strength = 'invisible', verify = 'worst-case' }: HideOptions): readonly Strength[] {
  return strength === 'invisible' && verify === 'worst-case' ? ['invisible', 'strong'] : [strength];
}

/** Decodes the clip once, for the plan. */
async function look(
  clip: Clip,
  { seconds }: ClipHeader,
  { signal, onProgress }: HideOptions,
  create: (layout: Layout) => Embedder,
): Promise<Embedder> {
  const { layout } = await readShape(clip, decodeFrames(clip, signal));
  const embedder = create(layout);
  const pause = createPause(signal);
  for await (const { picture, time, duration } of decodeFrames(clip, signal)) {
    embedder.look(picture, time, duration);
    onProgress?.('look', Math.min(1, (time + duration) / seconds));
    await pause();
  }
  return embedder;
}

/**
 * Writes a file with one strength and reads it back.
 *
 * @returns undefined if the payload cannot be read back; the file is deleted then
 */
async function attempt(
  clip: Clip,
  header: ClipHeader,
  embedder: Embedder,
  payload: Uint8Array,
  strength: Strength,
  options: HideOptions,
): Promise<Omit<Hidden, 'profile'> | undefined> {
  const { output, key, signal, onProgress, verify = 'worst-case' } = options;
  const plan = await embedder.plan(strength, createPause(signal));
  if (plan.isTooPlain) {
    throw new VideoError('too_plain', 'The picture is too uniform to hide a payload.');
  }
  const file = await createOutput(typeof output === 'string' ? output : undefined);
  let isDone = false;
  try {
    const type = await change(clip, header, embedder, file, options);
    const video = await file.open(type);
    const expected = { payload, key, signal, onProgress: (share: number) => onProgress?.('verify', share) };
    const verified = await readBack(video, verify, expected);
    if (verified === undefined) return undefined;
    if (output instanceof WritableStream) await copyTo(video, output);
    isDone = true;
    return { video, strength, psnr: embedder.psnr, verified, toneMapped: false };
  } finally {
    if (!isDone) await file.discard();
  }
}

/** @returns what returned the payload, or undefined if not all that `verify` asks for did */
async function readBack(
  video: Blob,
  verify: HideOptions['verify'],
  expected: Expected,
): Promise<readonly string[] | undefined> {
  if (verify === 'none') return [];
  const isWorstCase = verify !== 'file';
  const part = isWorstCase ? 0.5 : 1;
  const { onProgress } = expected;
  const first = { ...expected, onProgress: (share: number) => onProgress(share * part) };
  if (!(await readsBack(video, first))) return undefined;
  if (!isWorstCase) return ['file'];
  const second = { ...expected, onProgress: (share: number) => onProgress(part + share * part) };
  if (!(await survivesTranscode(video, second))) return undefined;
  onProgress(1);
  return ['file', '480p'];
}

/**
 * Decodes the clip again and writes it with the pattern.
 *
 * @returns the media type of the file
 */
async function change(
  clip: Clip,
  header: ClipHeader,
  embedder: Embedder,
  { target }: OutputFile,
  { signal, onProgress }: HideOptions,
): Promise<string> {
  const format = await outputFormatFor(clip.audio);
  const writer = await ClipWriter.open(target, format, await settingsFor(clip, header), clip);
  const pause = createPause(signal);
  try {
    for await (const { picture, time, duration, timestamp } of decodeFrames(clip, signal)) {
      embedder.change(picture, time, duration);
      await writer.add(picture, timestamp, duration);
      onProgress?.('change', Math.min(1, (time + duration) / header.seconds));
      await pause();
    }
    await writer.finish();
    return format.mimeType;
  } catch (error) {
    // The first error counts.
    await writer.cancel().catch(() => {});
    throw error;
  }
}

async function settingsFor(clip: Clip, { framesPerSecond, bitsPerSecond }: ClipHeader): Promise<VideoSettings> {
  const { width, height } = await clip.storedSize();
  const pixels = width * height;
  const rate = BITS_PER_PIXEL * pixels * framesPerSecond;
  return {
    bitsPerSecond: Math.max(
      SOURCE_FACTOR * bitsPerSecond,
      pixels > LARGE_PIXELS ? Math.min(MOST_BITS_PER_SECOND, rate) : rate,
    ),
    orientation: clip.orientation,
    pixelAspect: clip.pixelAspect,
    color: await clip.video.getColorSpace(),
  };
}
