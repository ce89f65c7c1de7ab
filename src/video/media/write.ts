// Writes a clip: H.264 in MP4, with the audio packets of another clip copied unchanged.
import {
  type AudioCodec,
  EncodedAudioPacketSource,
  type EncodedPacket,
  EncodedPacketSink,
  type InputAudioTrack,
  MovOutputFormat,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  type Target,
  VideoSampleSource,
} from 'mediabunny';
import type { Orientation } from '../core/orient.ts';
import type { Picture } from '../core/picture.ts';
import { VideoError } from '../errors.ts';
import type { Clip, Ratio } from './clip.ts';
import { PicturePool } from './pictureSample.ts';

/** Players seek to key frames, and messengers cut there. */
const KEY_FRAME_SECONDS = 2;
/** Audio is written this far ahead of the video, so that both lie next to each other in the file. */
const AUDIO_LEAD_SECONDS = 0.5;

export interface VideoSettings {
  readonly bitsPerSecond: number;
  readonly orientation: Orientation;
  readonly color: VideoColorSpaceInit;
  /** Width of a pixel divided by its height. */
  readonly pixelAspect: Ratio;
}

/**
 * The format for a clip with these audio tracks: MP4 if it can hold them, otherwise MOV.
 *
 * @throws VideoError `unsupported_codec` if neither can
 */
export async function outputFormatFor(audio: readonly InputAudioTrack[]): Promise<OutputFormat> {
  const codecs = await Promise.all(audio.map((track) => track.getCodec()));
  const formats = [new Mp4OutputFormat({ fastStart: false }), new MovOutputFormat({ fastStart: false })];
  const canHold = (format: OutputFormat, codec: AudioCodec | null) =>
    codec !== null && format.getSupportedAudioCodecs().includes(codec);
  const format = formats.find((candidate) => codecs.every((codec) => canHold(candidate, codec)));
  if (format === undefined)
    throw new VideoError('unsupported_codec', 'The audio of the video cannot be copied: unknown codec.');
  return format;
}

/** Copies one audio track, packet by packet. */
class AudioCopy {
  readonly source: EncodedAudioPacketSource;
  readonly #packets: AsyncGenerator<EncodedPacket>;
  readonly #track: InputAudioTrack;
  #next: EncodedPacket | undefined;
  #isFirst = true;

  constructor(track: InputAudioTrack, codec: AudioCodec) {
    this.#track = track;
    this.source = new EncodedAudioPacketSource(codec);
    this.#packets = new EncodedPacketSink(track).packets();
  }

  /** Copies the packets that begin before a time; all others with Infinity. */
  async copyUntil(seconds: number): Promise<void> {
    while (true) {
      this.#next ??= await this.#read();
      if (this.#next === undefined || this.#next.timestamp >= seconds) return;
      const packet = this.#next;
      this.#next = undefined;
      const decoderConfig = this.#isFirst ? await this.#track.getDecoderConfig() : null;
      await this.source.add(packet, decoderConfig === null ? undefined : { decoderConfig });
      this.#isFirst = false;
    }
  }

  async close(): Promise<void> {
    await this.#packets.return(undefined);
  }

  async #read(): Promise<EncodedPacket | undefined> {
    try {
      return (await this.#packets.next()).value ?? undefined;
    } catch {
      // The rest of a truncated file.
      return undefined;
    }
  }
}

/** Writes frames and copied audio. Call `finish` or `cancel`. */
export class ClipWriter {
  readonly #output: Output;
  readonly #video: VideoSampleSource;
  readonly #audio: AudioCopy[] = [];
  readonly #pool: PicturePool;

  private constructor(output: Output, settings: VideoSettings) {
    this.#output = output;
    this.#pool = new PicturePool(settings);
    this.#video = new VideoSampleSource({
      codec: 'avc',
      bitrate: Math.round(settings.bitsPerSecond),
      keyFrameInterval: KEY_FRAME_SECONDS,
      latencyMode: 'realtime',
      hardwareAcceleration: 'prefer-software',
      // Encoders do not pass on how colors are coded.
      onEncodedPacket: (_packet, meta) => {
        if (meta?.decoderConfig) meta.decoderConfig.colorSpace = settings.color;
      },
    });
  }

  /**
   * @param target of the file
   * @param clip whose audio is copied, if any
   */
  static async open(
    target: Target,
    format: OutputFormat,
    settings: VideoSettings,
    clip?: Pick<Clip, 'audio'>,
  ): Promise<ClipWriter> {
    const output = new Output({ format, target });
    const writer = new ClipWriter(output, settings);
    const { rotation, isMirrored } = settings.orientation;
    output.addVideoTrack(writer.#video, { rotation, flip: isMirrored });
    for (const track of clip?.audio ?? []) await writer.#addAudio(track);
    await output.start();
    return writer;
  }

  /**
   * Encodes a picture, which may be reused afterwards, and copies the audio up to it.
   *
   * @param timestamp seconds on the time line of the file
   * @param duration seconds
   */
  async add(picture: Picture, timestamp: number, duration: number): Promise<void> {
    for (const copy of this.#audio) await copy.copyUntil(timestamp + AUDIO_LEAD_SECONDS);
    await this.#pool.waitForRoom();
    const sample = this.#pool.sample(picture, timestamp, duration);
    try {
      await this.#video.add(sample);
    } finally {
      sample.close();
    }
  }

  /** Copies the rest of the audio and completes the file. */
  async finish(): Promise<void> {
    for (const copy of this.#audio) await copy.copyUntil(Number.POSITIVE_INFINITY);
    await this.#output.finalize();
    await this.#closeAudio();
  }

  /** Stops, and leaves what was written incomplete. Does nothing after `finish`. */
  async cancel(): Promise<void> {
    if (this.#output.state !== 'finalized') await this.#output.cancel();
    await this.#closeAudio();
  }

  async #closeAudio(): Promise<void> {
    for (const copy of this.#audio) await copy.close();
  }

  async #addAudio(track: InputAudioTrack): Promise<void> {
    const codec = await track.getCodec();
    if (codec === null) return;
    const copy = new AudioCopy(track, codec);
    this.#audio.push(copy);
    const name = await track.getName();
    this.#output.addAudioTrack(copy.source, {
      languageCode: await track.getLanguageCode(),
      disposition: await track.getDisposition(),
      ...(name !== null && { name }),
    });
  }
}
