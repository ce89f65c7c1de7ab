// The cost of SQLite's secure_delete: not at all, around the statements that write messages, and for every statement.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Client } from './support/client.ts';
import { openLoggedIn, register, USERNAME } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';
import { startServer } from './support/target.ts';

const SESSIONS = 64;
const TEXT = 'The text of a message, 100 bytes long.'.padEnd(100);
const VARIANTS = { 'no secure_delete': 'off', 'around messages': undefined, 'every statement': 'always' };
const PATCH = pathToFileURL(join(import.meta.dirname, 'support', 'patchSecureDelete.ts')).href;

const encrypt = (client: Client) => client.call(`/encrypt/${USERNAME}`, { message: TEXT });

export async function measureSecureDelete(context: Context): Promise<Result[]> {
  const results: Result[] = [];
  // Without short ciphertexts, encrypting writes a step of a session only: the hot path. With them, also a message.
  for (const short of ['off', 'on']) {
    const candidates = [];
    for (const [name, mode] of Object.entries(VARIANTS)) {
      const patch = mode && { NODE_OPTIONS: `--import ${PATCH}`, VWS_BENCH_SECURE_DELETE: mode };
      const environment = { VWS_SHORT_CIPHERTEXTS: short, SHORT_CIPHERTEXT_QUOTA_BYTES: '1000000000000', ...patch };
      const server = await startServer({ processors: context.processors, environment });
      await register(server, USERNAME);
      candidates.push(candidate(name, [server], await openLoggedIn(server, SESSIONS), encrypt));
    }
    const what = short === 'on' ? 'short ciphertexts' : 'the hot path';
    results.push(...(await compare(`secure_delete, ${what}, ${SESSIONS} sessions`, candidates, context)));
  }
  return results;
}
