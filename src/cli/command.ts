import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Where a command speaks: the result for programs and people, and notes about the way there for people alone. */
export interface Output {
  /** A line on the standard output. */
  readonly print: (line: string) => void;
  /** A line on the standard error. */
  readonly note: (line: string) => void;
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
  readonly run: (args: readonly string[], output: Output) => Promise<void>;
}

/** A command was called wrongly. The message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A command could not do what it was asked for. The message is for people and complete: it needs no stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
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
    throw new UsageError((error as Error).message);
  }
}
