import { existsSync, readFileSync } from 'node:fs';
import { type Environment, withEnvFile } from '../../server/config/config.ts';
import type { Store } from '../../server/store/store.ts';
import { type Output, parseOptions, UsageError } from '../command.ts';
import { type CopyResult, copyDatabase } from './copyDatabase.ts';
import { asCommandError, isSamePlace, openSource, openTarget, parseLocation } from './databases.ts';

export const help = `Usage: vws db copy --from <database> --to <database>

Copies all data of a server into an empty database, in either direction between SQLite and PostgreSQL, and compares
every row of the copy with the source.

  --from <database>  where the data is; it is not changed
  --to <database>    where it shall be; a SQLite file is made, a PostgreSQL database has to be there

A database is sqlite:<path>, or postgres://<user>@<host>/<name>. Leave a password out of the command, where others see
it: give it in the environment variable PGPASSWORD or in the file ~/.pgpass. DATABASE_CA_FILE counts as for the server.

Stop the server first. A source that a server runs on is refused, and so is a target that has data of its own.
The copy is there as a whole or not at all: after a crash, run the same command again. If it was complete, it says so.
The master key is not in the database and has to go along.`;

export async function run(args: readonly string[], output: Output): Promise<void> {
  const options = { from: { type: 'string' }, to: { type: 'string' } } as const;
  const { values } = parseOptions({ args, options });
  const caFile = readEnvironment().DATABASE_CA_FILE?.trim() || undefined;
  const from = parseLocation('--from', values.from, caFile);
  const to = parseLocation('--to', values.to, caFile);
  if (isSamePlace(from, to)) throw new UsageError('--from and --to are the same database.');

  const source = await openSource(from);
  try {
    const target = await openTarget(to);
    try {
      output.note(`From ${source.location}\nto   ${target.location}`);
      report(await copy(source, target, output), target.location, output);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copy(source: Store, target: Store, output: Output): Promise<CopyResult> {
  try {
    return await copyDatabase(source, target, Date.now(), (what) => output.note(`  ${what}`));
  } catch (error) {
    throw asCommandError(
      error,
      (reason) => `The copy failed: ${reason}.\nThe target has all of it or nothing: run the same command again.`,
    );
  }
}

function report({ outcome, rows, masterKeyIds }: CopyResult, location: string, { print }: Output): void {
  const total = [...rows.values()].reduce((sum, count) => sum + count, 0);
  print(outcome === 'copied' ? 'Copied, and compared row by row:' : 'All of it is there already; compared row by row:');
  for (const [table, count] of [...rows, ['rows in all', total] as const]) {
    print(`  ${table.padEnd(16)}${String(count).padStart(10)}`);
  }
  if (masterKeyIds.length === 0) return;
  print(`\nStart the server on ${location} with the same master key as before (id ${masterKeyIds.join(', ')}):`);
  print('the file master.key, or VWS_MASTER_KEY. It is not in the database and was not copied.');
}

/** As the server reads it. */
function readEnvironment(): Environment {
  return withEnvFile(process.env, existsSync('.env') ? readFileSync('.env', 'utf8') : '');
}
