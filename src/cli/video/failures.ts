// Errors of the video functions as errors of the command: what happened, what is still safe, what to do next.
import { basename } from 'node:path';
import { VideoError } from '../../video/errors.ts';
import type { VideoErrorCode } from '../../video/index.ts';
import { CommandError, Interrupted } from '../errors.ts';
import type { Shell } from '../terminal/shell.ts';

/** Next action of the user, unless the message names it. */
const ADVICE: Partial<Record<VideoErrorCode, string>> = {
  too_short: 'Use a longer clip.',
  too_plain: 'Use a clip with more detail.',
  not_robust: 'Try a longer clip or one with more detail; a shorter message is more robust.',
  payload_too_large: 'A video holds messages of up to 453 bytes of text.',
  damaged: 'Ask for the original file.',
};

/**
 * Describes an error of the video functions.
 *
 * @param aftermath what is still safe, as a sentence
 * @throws the error for the user
 */
export function rethrow(error: unknown, clip: string, aftermath: string, shell: Shell): never {
  if (!(error instanceof VideoError)) throw error;
  if (error.code === 'aborted') {
    shell.note(`Interrupted. ${aftermath}`.trim());
    throw new Interrupted();
  }
  const sentences = [`${basename(clip)}: ${error.message}`, aftermath, ADVICE[error.code] ?? ''];
  throw new CommandError(sentences.filter((sentence) => sentence !== '').join(' '), error.code);
}
