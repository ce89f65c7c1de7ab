// `defineCommand`: one definition of a command gives its argument parsing, its help and its reference documentation.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './errors.ts';
import type { Shell } from './terminal/shell.ts';

/** Positional arguments in order, with descriptions: `<name>` is required, `[name]` is optional. */
export type ArgumentTable = Readonly<Record<`<${string}>` | `[${string}]`, string>>;
/** Options with descriptions: `--name <value>` takes a value, `--name` is a flag. */
export type OptionTable = Readonly<Record<`--${string}`, string>>;

/** A table without entries. */
export type None = Readonly<Record<never, string>>;

/** The parsed values by name. An option that takes a value is undefined if it is missing, a flag is false. */
export type Values<A, O> = {
  readonly [K in keyof A as K extends `<${infer Name}>` ? Name : never]: string;
} & {
  readonly [K in keyof A as K extends `[${infer Name}]` ? Name : never]: string | undefined;
} & {
  readonly [K in keyof O as K extends `--${infer Name} <${string}>` ? Name : never]: string | undefined;
} & {
  readonly [K in keyof O as K extends `--${string} <${string}>`
    ? never
    : K extends `--${infer Name}`
      ? Name
      : never]: boolean;
};

/** The documentation of a command. Texts are wrapped when they are shown; a blank line separates paragraphs. */
export interface CommandDescription {
  /** The words after `vws`. */
  readonly name: string;
  /** Replaces the generated arguments in the usage line. */
  readonly usage?: string;
  readonly description: string;
  readonly args?: ArgumentTable;
  readonly options?: OptionTable;
  /** Answers that the command prompts for, in order; without a terminal, each is a line of standard input. */
  readonly input?: readonly string[];
  /** Shape of the result with `--json`. */
  readonly json?: string;
  readonly notes?: string;
  /** Command lines, each alone or with a remark. */
  readonly examples?: readonly (string | readonly [command: string, remark: string])[];
}

export interface CommandDefinition<A extends ArgumentTable, O extends OptionTable> extends CommandDescription {
  readonly args?: A;
  readonly options?: O;
  /**
   * @throws UsageError if the values are not valid
   * @throws CommandError if the operation fails
   */
  readonly run: (values: Values<A, O>, shell: Shell) => Promise<void>;
}

/** A command that can be run with the arguments that follow its name. */
export interface Command {
  readonly description: CommandDescription;
  readonly run: (args: readonly string[], shell: Shell) => Promise<void>;
}

/**
 * Defines a command.
 *
 * @example
 * export const command = defineCommand({
 *   name: 'rename',
 *   description: 'Changes the username of your account.',
 *   args: { '<username>': 'the new username' },
 *   options: { '--json': 'print JSON' },
 *   run: async ({ username, json }, shell) => shell.print(json ? JSON.stringify({ username }) : username),
 * });
 */
export function defineCommand<const A extends ArgumentTable = None, const O extends OptionTable = None>(
  definition: CommandDefinition<A, O>,
): Command {
  const { args: argumentTable = {}, options: optionTable = {}, run } = definition;
  return {
    description: definition,
    run: async (args, shell) => run(parse(argumentTable, optionTable, args) as Values<A, O>, shell),
  };
}

function parse(argumentTable: ArgumentTable, optionTable: OptionTable, args: readonly string[]): object {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  const flags: Record<string, boolean> = {};
  for (const option of Object.keys(optionTable)) {
    const [name = '', value] = option.slice('--'.length).split(' ');
    options[name] = { type: value ? 'string' : 'boolean' };
    if (!value) flags[name] = false;
  }
  const { values, positionals } = parseWithNode({ args, options, allowPositionals: true });
  return { ...readArguments(argumentTable, positionals), ...flags, ...values };
}

function readArguments(argumentTable: ArgumentTable, positionals: readonly string[]): Record<string, string> {
  const names = Object.keys(argumentTable);
  const missing = names.find((name, index) => name.startsWith('<') && !positionals[index]);
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`);
  const surplus = positionals.slice(names.length);
  if (surplus.length > 0) throw new UsageError(`Too many arguments: ${surplus.join(' ')}`);
  return Object.fromEntries(positionals.map((value, index) => [names[index]?.slice(1, -1), value]));
}

function parseWithNode(config: ParseArgsConfig): ReturnType<typeof parseArgs> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(describeOptionError(error as NodeJS.ErrnoException));
  }
}

/** Replaces the messages of Node.js, which explain its API rather than the command. */
function describeOptionError({ code, message }: NodeJS.ErrnoException): string {
  const option = /^\w+ \w* ?'(.*?)(?: <value>)?'(?=\.|$| argument| does)/.exec(message)?.[1];
  const [firstLine = message] = message.split('\n');
  if (option === undefined) return firstLine;
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const hint = option.startsWith('--') ? '' : ' Put a name or an id that begins with a hyphen after --';
    return `Unknown option ${option}.${hint}`;
  }
  if (message.includes('does not take an argument')) return `${option} does not take a value.`;
  return `The value of ${option} is missing.`;
}
