// What fits into a clip, from the header of its container.
import { gridOf } from './core/grid.ts';
import { PROFILES, type Profile, type ProfileName, profileFor } from './core/profiles.ts';
import { VideoError, type VideoErrorCode } from './errors.ts';
import type { PatternKey } from './keys.ts';
import { Clip, type ClipHeader, type VideoInput } from './media/clip.ts';
import { throwIfAborted } from './media/frames.ts';
import { unsupportedShape } from './shape.ts';

const SMALLEST_SIDE = 240;
/** Tolerance of the length: the last frame of a clip often ends early. */
const LENGTH_TOLERANCE_SECONDS = 0.1;

export interface Capacity {
  /** Those that the clip is long enough for. */
  readonly profiles: readonly ProfileName[];
  /** Length of the longest payload. */
  readonly bytes: number;
  readonly seconds: number;
  /** As displayed. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** Why nothing can be hidden in the clip. */
  readonly problem?: VideoErrorCode;
}

/**
 * Reads what fits into a clip.
 *
 * @throws VideoError `unreadable`, `aborted`
 */
export async function capacity(input: VideoInput, signal?: AbortSignal): Promise<Capacity> {
  throwIfAborted(signal);
  const clip = await Clip.open(input);
  try {
    const header = await clip.readHeader();
    const { seconds, width, height, framesPerSecond } = header;
    const fitting = PROFILES.filter((profile) => isLongEnough(header, profile));
    const problem = await findProblem(clip, header);
    const profiles = problem === undefined ? fitting : [];
    return {
      profiles: profiles.map(({ name }) => name),
      bytes: Math.max(0, ...profiles.map(({ bytes }) => bytes)),
      seconds,
      width,
      height,
      framesPerSecond,
      ...(problem && { problem: problem.code }),
    };
  } finally {
    clip.close();
  }
}

/**
 * Selects the profile of a payload and checks what can be checked before decoding.
 *
 * @throws VideoError `payload_too_large`, `public_key_refused`, `too_short`, `too_small`, `unsupported_shape`,
 *   `hdr_unsupported`, `unsupported_codec`
 */
export async function checkClip(
  clip: Clip,
  header: ClipHeader,
  payload: Uint8Array,
  key: PatternKey,
): Promise<Profile> {
  const profile = profileFor(payload.length);
  if (profile === undefined) {
    throw new VideoError('payload_too_large', `The payload has ${payload.length} bytes, more than 512.`);
  }
  if (profile.name === 'token' && key.kind === 'public') {
    throw new VideoError('public_key_refused', 'Everyone could read a token that is hidden with the public key.');
  }
  if (!isLongEnough(header, profile)) throw tooShort(header, profile);
  const problem = await findProblem(clip, header);
  if (problem !== undefined) throw problem;
  return profile;
}

function isLongEnough({ seconds }: ClipHeader, { cycle }: Profile): boolean {
  return seconds + LENGTH_TOLERANCE_SECONDS >= cycle;
}

function tooShort({ seconds }: ClipHeader, { bytes, cycle }: Profile): VideoError {
  const length = Math.floor(seconds * 10) / 10;
  return new VideoError('too_short', `The clip is ${length} s long; ${bytes} bytes need ${cycle} s.`);
}

async function findProblem(clip: Clip, header: ClipHeader): Promise<VideoError | undefined> {
  const { width, height } = header;
  if (!isLongEnough(header, PROFILES[0] as Profile)) return tooShort(header, PROFILES[0] as Profile);
  if (Math.min(width, height) < SMALLEST_SIDE) {
    return new VideoError(
      'too_small',
      `The picture has ${width}×${height} pixels; the short side needs ${SMALLEST_SIDE}.`,
    );
  }
  if (gridOf(width, height) === undefined) return unsupportedShape();
  if (header.isHdr) {
    return new VideoError('hdr_unsupported', 'HDR video is not supported. Convert it to SDR (BT.709) first.');
  }
  try {
    await clip.requireDecoder();
    return undefined;
  } catch (error) {
    if (error instanceof VideoError) return error;
    throw error;
  }
}
