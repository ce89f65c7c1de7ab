import { parseOptions, readArguments } from '../command.ts';

export const help = `Usage: vws serve

Runs the server, as npm start does, until Ctrl-C. It makes what is missing: the database, the master key. Its log goes
to the standard output, a JSON object a line.

It is set up by environment variables and the file .env in the current folder. Those that are needed first:
  PORT          port to listen on, 5000 by default; 0 takes any free one
  HOST          address to listen on, 127.0.0.1 by default
  DATA_DIR      folder of the database, the master key and the local mailbox; data by default
  DATABASE_URL  sqlite:<path> or postgres://<user>@<host>/<name>; a SQLite file in DATA_DIR by default
All of them are in .env.example and the README.

Examples:
  vws serve
  PORT=5001 DATA_DIR=/var/lib/vws vws serve`;

export async function run(args: readonly string[]): Promise<void> {
  readArguments(parseOptions({ args, options: {}, allowPositionals: true }).positionals);
  const { run: runServer } = await import('../../server/main.ts');
  await runServer([]);
}
