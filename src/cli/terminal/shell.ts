// The interface between a command and its process: output, notes, prompts, standard input and environment variables.
import { CommandError, UsageError } from '../errors.ts';
import type { LineReader } from './lines.ts';
import { indent, printable } from './printable.ts';
import type { Prompts } from './prompts.ts';

/** Width of a terminal that does not report it. */
const DEFAULT_COLUMNS = 80;

type Streams = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>;

/** Connects a command to its streams. On a terminal it prompts; otherwise answers are lines of standard input. */
export class Shell {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly #streams: Streams;
  #isStdinOpen = false;
  #lines: LineReader | undefined;
  #prompts: Prompts | undefined;

  /** @param streams the process, or its replacement in tests */
  constructor(streams: Streams) {
    this.#streams = streams;
    this.environment = streams.env;
  }

  /** True if standard input is a terminal. */
  get isTerminal(): boolean {
    return this.#stdin().isTTY === true;
  }

  /** Writes a line of the result to standard output. */
  print(line: string): void {
    this.#streams.stdout.write(`${this.#forStdout(line)}\n`);
  }

  /** Writes a line to standard error: a message for people that is not part of the result. */
  note(line: string): void {
    this.#streams.stderr.write(`${printable(line)}\n`);
  }

  /** Replaces the line at the cursor on standard error, at a terminal only; undefined ends the line. */
  showStatus(line: string | undefined): void {
    const { stderr } = this.#streams;
    if (stderr.isTTY) stderr.write(line === undefined ? '\n' : `\r\x1b[K${printable(line)}`);
  }

  /**
   * Writes a text of another user to standard output: unchanged, but on a terminal escaped and indented, so that it cannot
   * imitate the output of the command.
   */
  write(text: string): void {
    const { stdout } = this.#streams;
    if (!stdout.isTTY) stdout.write(text);
    else stdout.write(`${indent(printable(text.replace(/\n$/, '')), stdout.columns || DEFAULT_COLUMNS)}\n`);
  }

  /**
   * Prompts for an answer.
   *
   * @param what the prompt, without a colon
   * @throws UsageError if the input ends first
   * @throws Interrupted at Ctrl-C
   */
  async ask(what: string): Promise<string> {
    return this.isTerminal ? (await this.#openPrompts()).ask(what) : this.#nextLine(what);
  }

  /** The same as {@link ask} without echo. */
  async askSecret(what: string): Promise<string> {
    return this.isTerminal ? (await this.#openPrompts()).askSecret(what) : this.#nextLine(what);
  }

  /**
   * Reads standard input to its end.
   *
   * @throws CommandError `message_too_large` if there are more than `maxBytes`
   */
  async readAll(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.#stdin() as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) throw new CommandError(`The input is longer than ${maxBytes} bytes.`, 'message_too_large');
    }
    return Buffer.concat(chunks);
  }

  /** Lets the process end even if another process keeps the pipe to its standard input open. */
  close(): void {
    if (this.#isStdinOpen) this.#streams.stdin.destroy();
  }

  /** Accessing `process.stdin` opens it, which a command without input does not need. */
  #stdin(): Streams['stdin'] {
    this.#isStdinOpen = true;
    return this.#streams.stdin;
  }

  #forStdout(text: string): string {
    return this.#streams.stdout.isTTY ? printable(text) : text;
  }

  async #openPrompts(): Promise<Prompts> {
    const { Prompts } = await import('./prompts.ts');
    this.#prompts ??= new Prompts(this.#stdin(), this.#streams.stderr);
    return this.#prompts;
  }

  async #nextLine(what: string): Promise<string> {
    const { LineReader } = await import('./lines.ts');
    this.#lines ??= new LineReader(this.#stdin());
    const line = await this.#lines.next();
    if (line === undefined) throw new UsageError(`${what} is missing: standard input has no more lines.`);
    return line;
  }
}
