// Encodes pictures and decodes the result at once: a re-encoded clip, without a file and in bounded memory.
import { MkvOutputFormat, ReadableStreamSource, StreamTarget, type StreamTargetChunk } from 'mediabunny';
import { Clip } from './clip.ts';
import { ClipWriter, type VideoSettings } from './write.ts';

/** Cache of the decoder; it must hold a few seconds of the encoded video. */
const CACHE_BYTES = 32 * 1024 * 1024;

/** A writer, and the clip of what it has written so far. */
export interface Loopback {
  readonly writer: ClipWriter;
  /** Resolves when enough was written; the decoder then reads what the writer writes. */
  readonly clip: Promise<Clip>;
  /** Ends both; the caller closes the clip. */
  close(): Promise<void>;
}

/** @param settings of the encoder */
export async function openLoopback(settings: VideoSettings): Promise<Loopback> {
  const { readable, writable } = new TransformStream<StreamTargetChunk, Uint8Array>({
    transform: ({ data }, controller) => controller.enqueue(data),
  });
  const format = new MkvOutputFormat({ appendOnly: true });
  const writer = await ClipWriter.open(new StreamTarget(writable), format, settings);
  const source = new ReadableStreamSource(readable, { maxCacheSize: CACHE_BYTES, handleUnhandledError: () => {} });
  const clip = Clip.open(source);
  // The caller awaits it later.
  clip.catch(() => {});
  // The decoder has closed the stream when it needed no more.
  const close = () => writer.cancel().catch(() => {});
  return { writer, clip, close };
}
