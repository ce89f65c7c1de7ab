/** Handshakes, against the floor. */
import { HANDSHAKE_BODY } from './support/client.ts';
import { openConnection } from './support/connection.ts';
import type { Context } from './support/context.ts';
import { runLoad } from './support/load.ts';
import { closeAll } from './support/people.ts';
import { compare, type Result } from './support/rounds.ts';
import { startFloor, startServer, type Target } from './support/target.ts';

const CONNECTIONS = 16;

export async function measureHandshakes(context: Context): Promise<Result[]> {
  const floor = await contestant('floor', await startFloor(context));
  const server = await contestant('server', await startServer(context));
  try {
    return await compare(`handshake, ${CONNECTIONS} connections`, [floor, server], context);
  } finally {
    await floor.dispose();
    await server.dispose();
  }
}

/** The answers are not opened: RSA takes whoever opens some ten times as long as the server that seals. */
async function contestant(name: string, target: Target) {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => openConnection(target.url)));
  return {
    name,
    round: (milliseconds: number) =>
      runLoad(
        connections,
        async (connection) => {
          const { status } = await connection.post('/create_session_key', HANDSHAKE_BODY);
          if (status !== 200) throw new Error(`a handshake was answered ${status}`);
        },
        { milliseconds, pids: [target.pid] },
      ),
    async dispose() {
      closeAll(connections);
      await target.dispose();
    },
  };
}
