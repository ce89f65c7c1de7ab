// `vws db copy`: copies the database of a server to another database.
import { existsSync, readFileSync } from 'node:fs';
import { type Environment, withEnvFile } from '../../server/config/config.ts';
import type { StoreLocation } from '../../server/store/open.ts';
import type { Store } from '../../server/store/store.ts';
import { defineCommand } from '../command.ts';
import { UsageError } from '../errors.ts';
import type { Shell } from '../terminal/shell.ts';
import { type CopyResult, copyDatabase } from './copyDatabase.ts';
import { asCommandError, isSamePlace, openSource, openTarget, parseLocation } from './databases.ts';

export const command = defineCommand({
  name: 'db copy',
  usage: '--from <database> --to <database>',
  description:
    'Copies all data of a server into an empty database, in either direction between SQLite and PostgreSQL, and compares ' +
    'every row of the copy with the source.',
  options: {
    '--from <database>': 'the source; it is not changed',
    '--to <database>': 'the target; a SQLite file is created, a PostgreSQL database must exist',
  },
  notes: [
    'A database is sqlite:<path> or postgres://<user>@<host>/<name>. Keep the password out of the command line, where other ' +
      'users can see it: use the environment variable PGPASSWORD or the file ~/.pgpass. DATABASE_CA_FILE applies as for the ' +
      'server.',
    'Stop the server first. The command refuses a source that a server is using, and a target that contains other data. ' +
      'The copy is complete or not made at all: after a crash, run the same command again. It reports if the copy was ' +
      'already complete. The master key is not stored in the database: move it separately.',
  ].join('\n\n'),
  examples: ['vws db copy --from sqlite:data/vws.db --to postgres://vws@localhost/vws'],
  async run({ from, to }, shell) {
    const caFile = readEnvironment(shell).DATABASE_CA_FILE?.trim() || undefined;
    const source = parseLocation('--from', from, caFile);
    const target = parseLocation('--to', to, caFile);
    if (isSamePlace(source, target)) throw new UsageError('--from and --to are the same database.');
    await copyBetween(source, target, shell);
  },
});

async function copyBetween(from: StoreLocation, to: StoreLocation, shell: Shell): Promise<void> {
  const source = await openSource(from);
  try {
    const target = await openTarget(to);
    try {
      shell.note(`From ${source.location}\nto   ${target.location}`);
      report(await copy(source, target, shell), target.location, shell);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copy(source: Store, target: Store, shell: Shell): Promise<CopyResult> {
  try {
    return await copyDatabase(source, target, Date.now(), (what) => shell.note(`  ${what}`));
  } catch (error) {
    throw asCommandError(
      error,
      (reason) =>
        `The copy failed: ${reason}.\nThe source is unchanged, and the target is unchanged or complete. Run the same command again.`,
    );
  }
}

function report({ outcome, rows, masterKeyIds }: CopyResult, location: string, shell: Shell): void {
  const total = [...rows.values()].reduce((sum, count) => sum + count, 0);
  shell.print(
    outcome === 'copied' ? 'Copied and compared row by row:' : 'The copy was already complete; compared row by row:',
  );
  for (const [table, count] of [...rows, ['total rows', total] as const]) {
    shell.print(`  ${table.padEnd(16)}${String(count).padStart(10)}`);
  }
  if (masterKeyIds.length === 0) return;
  shell.print(`\nStart the server on ${location} with the same master key (id ${masterKeyIds.join(', ')}):`);
  shell.print('the file master.key, or VWS_MASTER_KEY. It is not stored in the database and was not copied.');
}

/** The settings as the server reads them. */
function readEnvironment({ environment }: Shell): Environment {
  return withEnvFile(environment, existsSync('.env') ? readFileSync('.env', 'utf8') : '');
}
