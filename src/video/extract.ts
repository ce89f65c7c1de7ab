// Reads a payload from frames, decoding them again if the extractor asks for it.
import { Extractor } from './core/extractor.ts';
import type { FoundWithKey } from './core/search.ts';
import type { PatternKeys } from './keys.ts';
import type { Clip } from './media/clip.ts';
import type { Frame } from './media/frames.ts';
import { createPause } from './pause.ts';
import { readShape } from './shape.ts';

/** Share of the progress that the first pass has; the second one is rare. */
const FIRST_PASS = 0.9;

export interface ExtractOptions {
  readonly keys: PatternKeys;
  readonly deep?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called with the share of the clip that was read. */
  readonly onProgress?: (share: number) => void;
  /** Length of the clip, for the progress. */
  readonly seconds?: number;
}

/**
 * Searches a payload.
 *
 * @param decode starts from the first frame each time
 * @throws VideoError `aborted`, `unsupported_shape`, and those of `decode`
 */
export async function extract(
  clip: Pick<Clip, 'orientation' | 'pixelAspect'>,
  decode: () => AsyncIterable<Frame>,
  { keys, deep = false, signal, onProgress, seconds = Number.POSITIVE_INFINITY }: ExtractOptions,
): Promise<FoundWithKey | 'nothing' | 'damaged'> {
  const { shape, area } = await readShape(clip, decode());
  const patterns = keys.map(({ bytes }) => bytes);
  const extractor = new Extractor({ shape, area, keys: patterns, deep, pause: createPause(signal) });
  for (let start = 0; ; start = FIRST_PASS) {
    for await (const { picture, time, duration } of decode()) {
      const found = await extractor.add(picture, time, duration);
      if (found !== undefined) return found;
      const share = Math.min(1, (time + duration) / seconds);
      onProgress?.(start + share * (start === 0 ? FIRST_PASS : 1 - FIRST_PASS));
    }
    const result = await extractor.finish();
    if (result !== 'again') return result;
  }
}
