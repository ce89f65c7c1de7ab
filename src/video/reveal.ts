// Finds the payload of a clip.
import type { ProfileName } from './core/profiles.ts';
import { VideoError } from './errors.ts';
import { extract } from './extract.ts';
import type { PatternKeys } from './keys.ts';
import { Clip, type VideoInput } from './media/clip.ts';
import { decodeFrames } from './media/frames.ts';

export interface RevealOptions {
  /** All of them are tried. */
  readonly keys: PatternKeys;
  /** Searches also clips that were cut unevenly, mirrored or turned, which takes longer. */
  readonly deep?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (share: number) => void;
}

export interface Revealed {
  readonly payload: Uint8Array;
  readonly profile: ProfileName;
  /** Position in `keys` of the key that found it. */
  readonly keyIndex: number;
  /** Quality of the preserved payload: 1 is perfect, about 0.25 in both is the limit. */
  readonly coherence: { readonly luma: number; readonly chroma: number };
}

/**
 * Finds the payload of a clip. The rest of the clip is not decoded.
 *
 * @returns undefined if nothing was found
 * @throws VideoError `damaged` if a payload was found that cannot be read, `unreadable`, `unsupported_codec`,
 *   `unsupported_shape`, `aborted`
 */
export async function reveal(
  input: VideoInput,
  { keys, deep = false, signal, onProgress }: RevealOptions,
): Promise<Revealed | undefined> {
  const clip = await Clip.open(input);
  try {
    await clip.requireDecoder();
    const { seconds } = await clip.readHeader();
    const options = { keys, deep, signal, seconds, ...(onProgress && { onProgress }) };
    const found = await extract(clip, () => decodeFrames(clip, signal), options);
    if (found === 'damaged') {
      throw new VideoError(
        'damaged',
        'A payload was found but cannot be read: the clip was cut or compressed too much.',
      );
    }
    if (found === 'nothing') return undefined;
    const { payload, profile, keyIndex, coherence } = found;
    return { payload, profile: profile.name, keyIndex, coherence };
  } finally {
    clip.close();
  }
}
