import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { type Shell, UsageError } from './command.ts';
import { type Entry, entries, findEntry } from './commands.ts';
import { BROKEN_PIPE, DONE, exitCodeOf, FAILED } from './exitCodes.ts';
import { describeFailure, failureAsJson, failureAsText } from './failure.ts';
import { overview } from './overview.ts';
import { openShell } from './terminal/shell.ts';

const PROJECT_FOLDER = join(import.meta.dirname, '..', '..');

// A command takes half the time when what it loads is compiled already. Not in a folder that others can write to.
enableCompileCache(join(PROJECT_FOLDER, 'node_modules', '.cache', 'vws'));
quietenWarnings();
process.stdout.on('error', endWithoutReader);
// Nobody reads the notes: no reason not to do what was asked for.
process.stderr.on('error', () => {});
const shell = openShell(process);
try {
  process.exitCode = await main(process.argv.slice(2), shell);
} finally {
  shell.close();
}

async function main(args: readonly string[], shell: Shell): Promise<number> {
  if (args.length === 0) {
    shell.note(overview());
    return exitCodeOf('wrong_usage');
  }
  const entry = findEntry(args);
  const name = entry === undefined ? 'vws' : `vws ${entry.name}`;
  try {
    if (entry) await run(entry, args.slice(entry.name.split(' ').length), shell);
    else if (args[0] === 'help' || asksForHelp(args)) shell.print(overview());
    else if (args[0] === '--version') shell.print(version());
    else throw new UsageError(noCommand(args));
    return DONE;
  } catch (error) {
    const failure = describeFailure(error);
    if (optionsOf(args).includes('--json')) shell.print(failureAsJson(failure));
    else if (failure.code !== 'interrupted') shell.note(`${name}: ${failureAsText(failure)}`);
    if (failure.code === 'wrong_usage') shell.note(`See: ${name} --help`);
    return failure.exitCode;
  }
}

async function run({ load }: Entry, args: readonly string[], shell: Shell): Promise<void> {
  const command = await load();
  if (asksForHelp(args)) shell.print(command.help);
  else await command.run(args, shell);
}

function noCommand(args: readonly string[]): string {
  const [first = ''] = args;
  if (first.startsWith('-')) return `There is no command "${first}": options follow the command.`;
  const similar = entries.map(({ name }) => name).filter((name) => name.startsWith(first));
  const hint = similar.length === 0 ? '' : ` There is: ${similar.join(', ')}`;
  return `There is no command "${args.join(' ')}".${hint}`;
}

function version(): string {
  return (JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as { version: string }).version;
}

function asksForHelp(args: readonly string[]): boolean {
  return optionsOf(args).some((arg) => arg === '--help' || arg === '-h');
}

/** What follows `--` is no option. */
function optionsOf(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end === -1 ? args : args.slice(0, end);
}

/** Whoever uses the command did not choose the experimental parts of Node.js that it uses. */
function quietenWarnings(): void {
  const [warn] = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') warn?.(warning);
  });
}

/** Whoever read the output has gone, as `head` does: nothing is wrong, and nobody is there to be told. A full disk is told. */
function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
  process.stderr.write(`vws: The output cannot be written: ${error.message}.\n`);
  process.exit(FAILED);
}
