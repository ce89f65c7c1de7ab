// `vws invite`: creates an invite for a registration.
import { existsSync, readFileSync } from 'node:fs';
import { Invites } from '../../server/accounts/registration.ts';
import { openDatabase } from '../../server/app.ts';
import { readConfig, withEnvFile } from '../../server/config/config.ts';
import { defineCommand } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_DAYS = 7;
const MAX_DAYS = 365;

export const command = defineCommand({
  name: 'invite',
  description:
    'Prints a code with which one account can be registered on a server with VWS_REGISTRATION=invite. Run it where the ' +
    'server runs, with its settings: environment variables and the file .env in the current folder.',
  options: { '--days <number>': `days after which the code expires, 1 to ${MAX_DAYS} (default: ${DEFAULT_DAYS})` },
  notes: 'The server may be running. The code is printed once: only its hash is stored.',
  examples: ['vws invite', 'vws invite --days 1', ['vws register --invite 4B8N-…', 'the use of the code']],
  async run({ days = String(DEFAULT_DAYS) }, shell) {
    const lifetime = Number(days);
    if (!/^\d+$/.test(days) || lifetime < 1 || lifetime > MAX_DAYS) {
      throw new UsageError(`--days must be a whole number from 1 to ${MAX_DAYS}.`);
    }
    const file = existsSync('.env') ? readFileSync('.env', 'utf8') : '';
    const config = readConfig(withEnvFile(shell.environment, file));
    const { store, masterKey } = await openDatabase(config).catch((error: Error) => {
      throw new CommandError(`The database cannot be opened: ${error.message}`);
    });
    try {
      const codeKey = masterKey.derive('vws invites');
      const invites = new Invites({ store, mode: config.registration, codeKey, clock: Date.now });
      shell.print(await invites.create(lifetime * DAY_MS));
    } finally {
      await store.close();
    }
    if (config.registration !== 'invite') {
      shell.note(`VWS_REGISTRATION is ${config.registration}: the code is needed only with VWS_REGISTRATION=invite.`);
    }
  },
});
