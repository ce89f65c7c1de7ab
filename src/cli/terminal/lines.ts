// Reads lines from standard input, no further than necessary.
import type { Readable } from 'node:stream';
import { CommandError } from '../errors.ts';

/** Passwords have at most 256 characters, email addresses fewer. */
const MAX_LINE_BYTES = 4_096;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export class LineReader {
  readonly #stream: Readable;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #rest = Buffer.alloc(0);
  #ended = false;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  /**
   * Reads the next line.
   *
   * @returns the line without its line break; undefined at the end of the input
   * @throws CommandError `not_text` if it is too long or not UTF-8
   */
  async next(): Promise<string | undefined> {
    this.#chunks ??= this.#stream[Symbol.asyncIterator]();
    let end = this.#rest.indexOf(LINE_FEED);
    while (end === -1 && !this.#ended && this.#rest.length <= MAX_LINE_BYTES) {
      const { value, done } = await this.#chunks.next();
      if (done) this.#ended = true;
      else this.#rest = Buffer.concat([this.#rest, value]);
      end = this.#rest.indexOf(LINE_FEED);
    }
    if (end === -1 && this.#rest.length === 0) return undefined;
    const line = end === -1 ? this.#rest : this.#rest.subarray(0, end);
    this.#rest = end === -1 ? Buffer.alloc(0) : this.#rest.subarray(end + 1);
    return decode(line);
  }
}

function decode(line: Uint8Array): string {
  if (line.length > MAX_LINE_BYTES) throw new CommandError('A line of standard input is too long.', 'not_text');
  try {
    const text = line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
    return new TextDecoder('utf-8', { fatal: true }).decode(text);
  } catch {
    throw new CommandError('A line of standard input is not UTF-8.', 'not_text');
  }
}
