// `vws serve`: runs a server.
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'serve',
  description:
    'Runs the server, as npm start does, until Ctrl-C. Creates the database and the master key if they are missing. The ' +
    'log is written to standard output, one JSON object per line.',
  notes: [
    'The server is configured by environment variables and the file .env in the current folder. The most important ones:',
    '  PORT          port to listen on (default: 5000); 0 selects a free port',
    '  HOST          address to listen on (default: 127.0.0.1)',
    '  DATA_DIR      folder of the database, the master key and the local mailbox (default: data)',
    '  DATABASE_URL  sqlite:<path> or postgres://<user>@<host>/<name> (default: a SQLite file in DATA_DIR)',
    'For all of them, see .env.example and docs/settings.md.',
  ].join('\n'),
  examples: ['vws serve', 'PORT=5001 DATA_DIR=/var/lib/vws vws serve'],
  async run() {
    const { run } = await import('../../server/main.ts');
    await run([]);
  },
});
