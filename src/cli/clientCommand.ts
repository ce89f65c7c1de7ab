// Commands that talk to a server: `defineCommand` with the common options, and the output of results.
import {
  type ArgumentTable,
  type Command,
  type CommandDefinition,
  defineCommand,
  type None,
  type OptionTable,
  type Values,
} from './command.ts';
import { type CommonOptions, commonOptions, readCommonOptions } from './commonOptions.ts';
import type { Shell } from './terminal/shell.ts';

interface ClientCommandDefinition<A extends ArgumentTable, O extends OptionTable>
  extends Omit<CommandDefinition<A, O>, 'run'> {
  readonly run: (values: Values<A, O>, options: CommonOptions, shell: Shell) => Promise<void>;
}

/** Defines a command that has the common options in addition to its own. */
export function defineClientCommand<const A extends ArgumentTable = None, const O extends OptionTable = None>({
  run,
  ...definition
}: ClientCommandDefinition<A, O>): Command {
  return defineCommand({
    ...definition,
    options: { ...definition.options, ...commonOptions },
    run: async (values: Values<A, O> & Values<None, typeof commonOptions>, shell) =>
      run(values, readCommonOptions(values, shell), shell),
  } as CommandDefinition<A, O & typeof commonOptions>);
}

/** Prints the result as JSON with `--json`; otherwise calls `printText`. */
export function printResult(
  shell: Shell,
  { json }: Pick<CommonOptions, 'json'>,
  result: object,
  printText: () => void,
): void {
  if (json) shell.print(JSON.stringify(result));
  else printText();
}
