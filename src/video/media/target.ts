// Where a written clip goes: a file, or a stream of positioned chunks.
import { FilePathTarget, StreamTarget, type StreamTargetChunk, type Target } from 'mediabunny';

/** @param output a path (Node.js only), or a stream such as that of a file in the origin private file system */
export function targetOf(output: string | WritableStream<StreamTargetChunk>): Target {
  return typeof output === 'string' ? new FilePathTarget(output) : new StreamTarget(output);
}
