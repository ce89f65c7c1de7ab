import { type Command, CommandError, type Output, UsageError } from './command.ts';

interface Entry {
  /** As it is typed after `vws`. */
  readonly name: string;
  readonly summary: string;
  /** Only the command that is run is loaded, so that no other one's libraries delay it. */
  readonly load: () => Promise<Command>;
}

const entries: readonly Entry[] = [
  {
    name: 'db copy',
    summary: "copy a server's database into an empty one, also from SQLite to PostgreSQL and back",
    load: () => import('./server/dbCopy.ts'),
  },
];

const exitCodes = { done: 0, failed: 1, wrongUsage: 2 };

const output: Output = {
  print: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const entry = entries.find(({ name }) => name.split(' ').every((word, index) => args[index] === word));
  if (entry) return run(entry, args.slice(entry.name.split(' ').length));
  if (asksForHelp(args)) {
    output.print(overview());
    return exitCodes.done;
  }
  if (args.length > 0) output.note(`vws: There is no command "${args.join(' ')}".\n`);
  output.note(overview());
  return exitCodes.wrongUsage;
}

async function run({ name, load }: Entry, args: readonly string[]): Promise<number> {
  const command = await load();
  if (asksForHelp(args)) {
    output.print(command.help);
    return exitCodes.done;
  }
  try {
    await command.run(args, output);
    return exitCodes.done;
  } catch (error) {
    if (error instanceof UsageError) {
      output.note(`vws ${name}: ${error.message}\nSee: vws ${name} --help`);
      return exitCodes.wrongUsage;
    }
    output.note(`vws ${name}: ${error instanceof CommandError ? error.message : (error as Error).stack}`);
    return exitCodes.failed;
  }
}

function asksForHelp(args: readonly string[]): boolean {
  return args.includes('--help') || args.includes('-h');
}

function overview(): string {
  const width = Math.max(...entries.map(({ name }) => name.length));
  return [
    'Usage: vws <command> [options]',
    '',
    'Commands:',
    ...entries.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '`vws <command> --help` tells more about one.',
    'Exit codes: 0 done, 1 failed, 2 wrong usage.',
  ].join('\n');
}
