// Opens a clip and reads the header of its container.
import {
  BlobSource,
  BufferSource,
  FilePathSource,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  MATROSKA,
  MP4,
  MPEG_TS,
  QTFF,
  type Source,
  WEBM,
} from 'mediabunny';
import type { Orientation } from '../core/orient.ts';
import { VideoError } from '../errors.ts';

/** A clip: its bytes, a file of the browser, or a path (Node.js only). */
export type VideoInput = Blob | Uint8Array | string;

/** A fraction of two whole numbers. */
export interface Ratio {
  readonly num: number;
  readonly den: number;
}

export interface ClipHeader {
  /** Length of the video track. */
  readonly seconds: number;
  /** Size on the screen: turned, with square pixels. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** Of the video track. */
  readonly bitsPerSecond: number;
  readonly isHdr: boolean;
}

/** Containers that are read. Playlists are not among them: they name further files. */
const FORMATS = [MP4, QTFF, MATROSKA, WEBM, MPEG_TS];

/** Enough for the rates, and read quickly. */
const RATE_PACKETS = 240;
const DEFAULT_FRAME_RATE = 30;

/** An opened clip. Close it when done. */
export class Clip {
  readonly video: InputVideoTrack;
  readonly audio: readonly InputAudioTrack[];
  readonly orientation: Orientation;
  /** Width of a stored pixel divided by its height. */
  readonly pixelAspect: Ratio;
  readonly #input: Input;

  private constructor(
    input: Input,
    video: InputVideoTrack,
    audio: readonly InputAudioTrack[],
    { orientation, pixelAspect }: Pick<Clip, 'orientation' | 'pixelAspect'>,
  ) {
    this.#input = input;
    this.video = video;
    this.audio = audio;
    this.orientation = orientation;
    this.pixelAspect = pixelAspect;
  }

  /**
   * Opens a clip.
   *
   * @throws VideoError `unreadable` if it is not a video in a supported container
   */
  static async open(source: VideoInput | Source): Promise<Clip> {
    const input = new Input({ formats: FORMATS, source: sourceOf(source) });
    try {
      const video = await input.getPrimaryVideoTrack();
      if (video === null) throw new VideoError('unreadable', 'The file contains no video.');
      const orientation = { rotation: await video.getRotation(), isMirrored: await video.getFlip() };
      const pixelAspect = await video.getPixelAspectRatio();
      return new Clip(input, video, await input.getAudioTracks(), { orientation, pixelAspect });
    } catch (error) {
      input.dispose();
      if (error instanceof VideoError || isSystemError(error)) throw error;
      throw new VideoError(
        'unreadable',
        'The file is not a video, or it is damaged. Supported: MP4, MOV, MKV, WebM, TS.',
        {
          cause: error,
        },
      );
    }
  }

  /** Size of the stored pictures. */
  async storedSize(): Promise<{ width: number; height: number }> {
    return { width: await this.video.getCodedWidth(), height: await this.video.getCodedHeight() };
  }

  /** @throws VideoError `unsupported_codec` */
  async requireDecoder(): Promise<void> {
    if (await this.video.canDecode()) return;
    const codec =
      (await this.video.getCodecParameterString()) ?? String((await this.video.getInternalCodecId()) ?? 'unknown');
    throw new VideoError(
      'unsupported_codec',
      `The video codec (${codec}) is not supported here. Supported: H.264, HEVC, VP8, VP9, AV1, ProRes.`,
    );
  }

  /** Reads the header; of a stream, it would read all of it. */
  async readHeader(): Promise<ClipHeader> {
    const { video } = this;
    const seconds = (await video.computeDuration()) - Math.max(0, await video.getFirstTimestamp());
    const { averagePacketRate, averageBitrate } = await video.computePacketStats(RATE_PACKETS);
    return {
      seconds,
      width: await video.getDisplayWidth(),
      height: await video.getDisplayHeight(),
      framesPerSecond: averagePacketRate > 0 ? averagePacketRate : DEFAULT_FRAME_RATE,
      bitsPerSecond: averageBitrate,
      isHdr: await video.hasHighDynamicRange(),
    };
  }

  close(): void {
    this.#input.dispose();
  }
}

function sourceOf(source: VideoInput | Source): Source {
  if (typeof source === 'string') return new FilePathSource(source);
  if (source instanceof Uint8Array) return new BufferSource(source);
  return source instanceof Blob ? new BlobSource(source) : source;
}

/** A file that is missing or cannot be read, rather than one that is damaged. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
