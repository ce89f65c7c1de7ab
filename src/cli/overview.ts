// Renders the text of `vws --help`.
import { groups } from './commands.ts';
import { exitRows } from './exitCodes.ts';

/** The text of `vws --help`. */
export function renderOverview(): string {
  const width = Math.max(...Object.values(groups).flatMap((entries) => entries.map(({ name }) => name.length)));
  const sections = Object.entries(groups).flatMap(([title, entries]) => [
    `${title}:`,
    ...entries.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
  ]);
  return [
    'Usage: vws <command> [options]',
    '',
    'Encrypts messages that only the chosen recipient can decrypt. Also runs the server.',
    '`vws <command> --help` shows details and examples.',
    '',
    ...sections,
    'Getting started:',
    '  vws serve                              # in one terminal (or npm start)',
    '  vws register                           # in another terminal',
    '  vws encrypt bob < note.txt > note.vws',
    '  vws decrypt note.vws',
    '',
    'Common options: --server <url>, --pin <fingerprint>, --trust-first-use, --timeout <seconds>, --json, --state <folder>,',
    '--suite1',
    'Passwords and codes are never arguments: commands prompt for them, or read them from standard input.',
    'Results are written to standard output, all other messages to standard error.',
    '',
    'Exit codes:',
    ...exitRows.map(({ exit, meaning }) => `  ${String(exit).padStart(3)}  ${meaning}`),
  ].join('\n');
}
