// Finds the command that the arguments name, runs it, and reports errors.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandEntry, entries, findEntry } from './commands.ts';
import { UsageError } from './errors.ts';
import { DONE, exitCodeOf } from './exitCodes.ts';
import type { Shell } from './terminal/shell.ts';

/**
 * Runs `vws` with these arguments.
 *
 * @returns the exit code
 */
export async function runProgram(args: readonly string[], shell: Shell): Promise<number> {
  if (args.length === 0) {
    shell.note(await renderOverview());
    return exitCodeOf('wrong_usage');
  }
  const entry = findEntry(args);
  const name = entry === undefined ? 'vws' : `vws ${entry.name}`;
  try {
    if (entry) await runCommand(entry, args.slice(entry.name.split(' ').length), shell);
    else if (args[0] === 'help' || asksForHelp(args)) shell.print(await renderOverview());
    else if (args[0] === '--version') shell.print(readVersion());
    else throw new UsageError(describeUnknownCommand(args));
    return DONE;
  } catch (error) {
    const { describeFailure, failureAsJson, failureAsText } = await import('./failure.ts');
    const failure = describeFailure(error);
    if (optionsOf(args).includes('--json')) shell.print(failureAsJson(failure));
    else if (failure.code !== 'interrupted') shell.note(`${name}: ${failureAsText(failure)}`);
    if (failure.code === 'wrong_usage') shell.note(`See: ${name} --help`);
    return failure.exitCode;
  }
}

async function runCommand({ load }: CommandEntry, args: readonly string[], shell: Shell): Promise<void> {
  const { command } = await load();
  if (asksForHelp(args)) {
    const { renderHelp } = await import('./help.ts');
    shell.print(renderHelp(command.description));
  } else {
    await command.run(args, shell);
  }
}

async function renderOverview(): Promise<string> {
  return (await import('./overview.ts')).renderOverview();
}

function describeUnknownCommand(args: readonly string[]): string {
  const [first = ''] = args;
  if (first.startsWith('-')) return `Unknown command "${first}". Put options after the command.`;
  const similar = entries.map(({ name }) => name).filter((name) => name.startsWith(first));
  const hint = similar.length === 0 ? '' : ` Did you mean: ${similar.join(', ')}`;
  return `Unknown command "${args.join(' ')}".${hint}`;
}

function readVersion(): string {
  const file = join(import.meta.dirname, '..', '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function asksForHelp(args: readonly string[]): boolean {
  return optionsOf(args).some((arg) => arg === '--help' || arg === '-h');
}

/** The arguments up to `--`. */
function optionsOf(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end === -1 ? args : args.slice(0, end);
}
