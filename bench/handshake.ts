// Handshakes, compared with the floor.
import { HANDSHAKE_BODY } from './support/client.ts';
import { type Connection, openConnections, postOk } from './support/connection.ts';
import { startBoth } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';

const CONNECTIONS = 16;

/** Does not decrypt the answers: RSA costs the client some ten times as much as the server. */
const handshake = (connection: Connection) => postOk(connection, '/create_session_key', HANDSHAKE_BODY);

export async function measureHandshakes(context: Context): Promise<Result[]> {
  const { floor, server } = await startBoth(context);
  const candidates = [
    candidate('floor', [floor], await openConnections(floor.url, CONNECTIONS), handshake),
    candidate('server', [server], await openConnections(server.url, CONNECTIONS), handshake),
  ];
  return compare(`handshake, ${CONNECTIONS} connections`, candidates, context);
}
