/** What a burst of logins does to those who encrypt. */
import type { Client } from './support/client.ts';
import type { Context } from './support/context.ts';
import { type Measurement, runLoad } from './support/load.ts';
import { closeAll, logIn, openClients, openLoggedIn, register } from './support/people.ts';
import { compare, type Result } from './support/rounds.ts';
import { startServer } from './support/target.ts';

const SESSIONS = 16;
const LOGIN_LOOPS = 16;

/** @returns the comparison; its second row's rate also for what the hashes left of the processors */
export async function measureLoginBurst(context: Context): Promise<{ results: Result[]; perRemainingCore: number }> {
  const server = await startServer(context);
  const names = Array.from({ length: LOGIN_LOOPS }, (_, index) => `user${index}`);
  const owners: Client[] = [];
  for (const name of names) owners.push(await register(server, name));
  const encrypting = await openLoggedIn(server, SESSIONS, 'user0');
  const loggingIn = await openClients(server, LOGIN_LOOPS);
  const hashShares: number[] = [];

  const encrypt = (milliseconds: number) =>
    runLoad(encrypting, (client) => client.call('/encrypt/user0', { message: 'x'.repeat(100) }), {
      milliseconds,
      pids: [server.pid],
    });

  async function encryptInBurst(milliseconds: number): Promise<Measurement> {
    let over = false;
    const burst = loggingIn.map(async (client, index) => {
      while (!over) await logIn(client, names[index] ?? '');
    });
    const measurement = await encrypt(milliseconds);
    over = true;
    await Promise.all(burst);
    hashShares.push(((measurement.otherThreadsTime ?? 0) * measurement.requestsPerSecond) / 1e6);
    return measurement;
  }

  try {
    const results = await compare(
      `encrypt, ${SESSIONS} sessions, beside ${LOGIN_LOOPS} login loops`,
      [
        { name: 'no logins', round: encrypt },
        { name: 'login burst', round: encryptInBurst },
      ],
      context,
    );
    const hashShare = hashShares.reduce((sum, share) => sum + share, 0) / hashShares.length;
    // The JavaScript runs on one processor, however many are left.
    const remaining = Math.min(1, (context.processors?.length ?? 1) - Math.min(hashShare, 0.99));
    return { results, perRemainingCore: (results[1]?.rate.median ?? 0) / remaining };
  } finally {
    closeAll([...owners, ...encrypting, ...loggingIn]);
    await server.dispose();
  }
}
