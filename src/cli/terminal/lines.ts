import type { Readable } from 'node:stream';
import { CommandError } from '../errors.ts';

/** Longest line, in bytes: a password has 256 characters, an e-mail address fewer. */
const MAX_LINE_BYTES = 4_096;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Reads lines of UTF-8 one by one, no further than it has to. */
export interface LineReader {
  /**
   * @returns the next line without its end; undefined if there is none
   * @throws CommandError if it is too long, or no UTF-8
   */
  next(): Promise<string | undefined>;
}

export function createLineReader(stream: Readable): LineReader {
  let rest = Buffer.alloc(0);
  let chunks: AsyncIterator<Uint8Array> | undefined;
  let ended = false;

  return {
    async next() {
      chunks ??= stream[Symbol.asyncIterator]();
      let end = rest.indexOf(LINE_FEED);
      while (end === -1 && !ended) {
        if (rest.length > MAX_LINE_BYTES) break;
        const { value, done } = await chunks.next();
        if (done) ended = true;
        else rest = Buffer.concat([rest, value]);
        end = rest.indexOf(LINE_FEED);
      }
      if (end === -1 && rest.length === 0) return undefined;
      const line = end === -1 ? rest : rest.subarray(0, end);
      rest = end === -1 ? Buffer.alloc(0) : rest.subarray(end + 1);
      return decode(line);
    },
  };
}

function decode(line: Uint8Array): string {
  if (line.length > MAX_LINE_BYTES) throw new CommandError('A line of the standard input is too long.', 'not_text');
  try {
    const bare = line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
    return new TextDecoder('utf-8', { fatal: true }).decode(bare);
  } catch {
    throw new CommandError('A line of the standard input is no UTF-8.', 'not_text');
  }
}
