// The effect of a burst of logins on encrypt requests.
import type { Client } from './support/client.ts';
import { type Measurement, runLoad } from './support/load.ts';
import { logIn, openClients, openLoggedIn, register } from './support/people.ts';
import { type Context, compare, type Result } from './support/rounds.ts';
import { startServer } from './support/target.ts';

const SESSIONS = 16;
const LOGIN_LOOPS = 16;

/** @returns the comparison, and the second row's rate relative to the processor time that hashing left */
export async function measureLoginBurst(context: Context): Promise<{ results: Result[]; perRemainingCore: number }> {
  const server = await startServer(context);
  for (let index = 0; index < LOGIN_LOOPS; index += 1) await register(server, `user${index}`);
  const encrypting = await openLoggedIn(server, SESSIONS, 'user0');
  const loggingIn = await openClients(server, LOGIN_LOOPS);
  const hashShares: number[] = [];

  const act = (client: Client) => client.call('/encrypt/user0', { message: 'x'.repeat(100) });
  const encrypt = (milliseconds: number) => runLoad(encrypting, act, { milliseconds, pids: [server.pid] });

  async function encryptInBurst(milliseconds: number): Promise<Measurement> {
    let ended = false;
    const burst = loggingIn.map(async (client, index) => {
      while (!ended) await logIn(client, `user${index}`);
    });
    const measurement = await encrypt(milliseconds);
    ended = true;
    await Promise.all(burst);
    hashShares.push(((measurement.otherThreadsTime ?? 0) * measurement.requestsPerSecond) / 1e6);
    return measurement;
  }

  const candidates = [
    { name: 'no logins', round: encrypt },
    { name: 'login burst', round: encryptInBurst },
  ];
  const results = await compare(
    `encrypt, ${SESSIONS} sessions, during ${LOGIN_LOOPS} login loops`,
    candidates,
    context,
  );
  const hashShare = hashShares.reduce((sum, share) => sum + share, 0) / hashShares.length;
  // The JavaScript runs on one processor, however many are left.
  const remaining = Math.min(1, (context.processors?.length ?? 1) - Math.min(hashShare, 0.99));
  return { results, perRemainingCore: (results[1]?.rate.median ?? 0) / remaining };
}
