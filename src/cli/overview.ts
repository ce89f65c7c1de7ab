import { type Entry, entries, groups } from './commands.ts';
import { exitRows } from './exitCodes.ts';

/** The whole text of `vws --help`. */
export function overview(): string {
  const calls = entries.map(callOf);
  const width = Math.max(...calls.map((call) => call.length));
  const sections = Object.entries(groups).flatMap(([title, entries]) => [
    `${title}:`,
    ...entries.map((entry) => `  ${callOf(entry).padEnd(width)}  ${entry.summary}`),
    '',
  ]);
  return [
    'Usage: vws <command> [options]',
    '',
    'Has texts encrypted that one person alone can have opened again, and runs the server that does it.',
    '`vws <command> --help` tells all about one command, with examples.',
    '',
    ...sections,
    'First steps, with the server of this folder:',
    '  vws serve                              in one terminal; npm start does the same',
    '  vws register                           in another one',
    '  vws encrypt bob < note.txt > note.vws',
    '  vws decrypt note.vws',
    '',
    'Common options: --server <url>, --pin <fingerprint>, --json, --timeout <seconds>, --state <folder>, --suite1',
    'Passwords and codes are asked for, or read as lines of the standard input; they are never arguments.',
    'The result goes to the standard output, all else to the standard error. With --json there is one line of JSON on',
    'the standard output, an error too: {"error":{"code","title","detail"}}',
    '',
    'Exit codes:',
    ...exitRows.map(({ exit, meaning }) => `  ${String(exit).padStart(3)}  ${meaning}`),
  ].join('\n');
}

function callOf({ name, usage }: Entry): string {
  return `${name} ${usage}`.trimEnd();
}
