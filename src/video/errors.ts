// The errors of the video functions.

export type VideoErrorCode =
  | 'too_short'
  | 'too_small'
  | 'too_plain'
  | 'payload_too_large'
  | 'unsupported_codec'
  | 'unsupported_shape'
  | 'hdr_unsupported'
  | 'public_key_refused'
  | 'not_robust'
  | 'damaged'
  | 'unreadable'
  | 'aborted';

/** Why a clip cannot be used, or a payload not be hidden or read. */
export class VideoError extends Error {
  override readonly name = 'VideoError';
  /** Stable; programs decide by it. */
  readonly code: VideoErrorCode;

  /** @param message for people, a sentence */
  constructor(code: VideoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
