import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { ErrorCode } from './exitCodes.ts';

/** Where a command speaks: the result for programs and people, and notes about the way there for people alone. */
export interface Output {
  /** A line on the standard output. */
  readonly print: (line: string) => void;
  /** A line on the standard error. */
  readonly note: (line: string) => void;
}

/** What a command reads. On a terminal it asks; otherwise it takes the next line of the standard input. */
export interface Input {
  readonly isTerminal: boolean;
  /** @throws UsageError if the input ends before; {@link Interrupted} */
  ask(what: string): Promise<string>;
  /** The same, without showing what is typed. */
  askSecret(what: string): Promise<string>;
  /**
   * The whole input, as bytes.
   * @throws CommandError if it is longer than so many bytes
   */
  readAll(maxBytes: number): Promise<Uint8Array>;
}

/** All that a command has of the process that it runs in. */
export interface Shell extends Output, Input {
  /** Writes a text on the standard output as it is; on a terminal, characters that would control it are shown. */
  readonly write: (text: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What the module of a command exports. */
export interface Command {
  /** The whole text of `vws <command> --help`. */
  readonly help: string;
  /**
   * @param args what follows the command's name
   * @throws UsageError if the command was called wrongly
   * @throws CommandError if it cannot do what it was asked for
   */
  readonly run: (args: readonly string[], shell: Shell) => Promise<void>;
}

/** A command was called wrongly. The message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The user pressed Ctrl-C at a question. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** What a {@link CommandError} says beside its message. */
interface CommandErrorDetails {
  /** For people, in place of the message. */
  readonly text?: string;
  /** For programs. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** A command could not do what it was asked for. The message is for people and complete: it needs no stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: ErrorCode;
  readonly text: string | undefined;
  readonly fields: Readonly<Record<string, string>>;

  constructor(message: string, code: ErrorCode = 'failed', { text, fields = {} }: CommandErrorDetails = {}) {
    super(message);
    this.code = code;
    this.text = text;
    this.fields = fields;
  }
}

/**
 * Reads a command's options as `node:util` describes them.
 *
 * @throws UsageError for what the options do not allow
 */
export function parseOptions<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(describeOptionError(error as NodeJS.ErrnoException));
  }
}

function describeOptionError({ code, message }: NodeJS.ErrnoException): string {
  const named = /^\w+ \w* ?'(.*?)(?: <value>)?'(?=\.|$| argument| does)/.exec(message)?.[1];
  const [sentence = message] = message.split('\n');
  if (named === undefined) return sentence;
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL') return tooMany([named]);
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const hint = named.startsWith('--') ? '' : ' A name or an id that begins with a hyphen goes after --';
    return `There is no option ${named}.${hint}`;
  }
  if (message.includes('does not take an argument')) return `${named} takes no value.`;
  return `The value of ${named} is missing.`;
}

function tooMany(surplus: readonly string[]): string {
  return `Too many arguments: ${surplus.join(' ')}`;
}

/**
 * Gives the arguments that are no options.
 *
 * @param names what they are called in the help; `[name]` may be missing
 * @throws UsageError if there are others
 */
export function readArguments(positionals: readonly string[], ...names: readonly string[]): string[] {
  const missing = names.findIndex((name, index) => !name.startsWith('[') && !positionals[index]);
  if (missing !== -1) throw new UsageError(`<${names[missing]}> is missing.`);
  const surplus = positionals.slice(names.length);
  if (surplus.length > 0) throw new UsageError(tooMany(surplus));
  return [...positionals];
}
