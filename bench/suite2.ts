// Suite 2 compared with suite 1, on the same server.
import {
  beginHandshake,
  checkIntroduction,
  type Introduction,
  openResponse2,
  prepare2,
  type Step,
} from '../test/support/suite2Client.ts';
import { type Client, HANDSHAKE_BODY } from './support/client.ts';
import { type Connection, openConnection, openConnections, postOk } from './support/connection.ts';
import { logIn, openLoggedIn, register, USERNAME } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';
import { startServer, type Target } from './support/target.ts';

const SESSIONS = 16;
const HANDSHAKE = '/create_session_key';
/** Requests per rekey in the SDK. */
const REKEY_INTERVAL = 16;
const TEXT = 'The text of a message, 100 bytes long.'.padEnd(100);

export async function measureSuite2(context: Context): Promise<Result[]> {
  const server = await startServer(context);
  await register(server, USERNAME);
  const connections = await openConnections(server.url, SESSIONS);
  const [first] = connections as [Connection];
  const suite2Body = JSON.stringify((await introduction(first)).body);
  const handshake = (body: string) => (connection: Connection) => postOk(connection, HANDSHAKE, body);
  const encrypt = (client: Client) => client.call('/encrypt', { username: USERNAME, message: TEXT });
  const suite2 = async (name: string, rekeyInterval?: number) =>
    candidate(name, [server], await openSessions(server, rekeyInterval), encrypt);
  const suite1 = candidate('suite 1', [server], await openLoggedIn(server, SESSIONS), (client) =>
    client.call(`/encrypt/${USERNAME}`, { message: TEXT }),
  );
  const handshakes = [
    candidate('suite 1', [server], connections, handshake(HANDSHAKE_BODY)),
    candidate('suite 2', [server], connections, handshake(suite2Body)),
  ];
  const requests = [
    suite1,
    await suite2('suite 2'),
    await suite2('suite 2, rekey every 16', REKEY_INTERVAL),
    await suite2('suite 2, rekey every 1', 1),
  ];
  return [
    ...(await compare('handshake', handshakes, context)),
    ...(await compare(`encrypt, ${SESSIONS} sessions, by suite`, requests, context)),
  ];
}

async function introduction(connection: Connection) {
  const body = await postOk(connection, HANDSHAKE, JSON.stringify({ suite: 2 }));
  const { kid, serverKey } = checkIntroduction(JSON.parse(body) as Introduction);
  return beginHandshake(kid, serverKey);
}

/** Opens logged-in sessions of suite 2 that rekey at every `rekeyInterval`th request, or never. */
async function openSessions({ url }: Target, rekeyInterval: number | undefined): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < SESSIONS) {
    const connection = await openConnection(url);
    const pending = await introduction(connection);
    let step: Step = pending.finish(JSON.parse(await postOk(connection, HANDSHAKE, JSON.stringify(pending.body))));
    const client: Client = {
      async call(path, fields) {
        const kem = rekeyInterval !== undefined && step.n % rekeyInterval === 0;
        const request = prepare2(step, path, fields, { kem });
        const text = await postOk(connection, path, request.body);
        const { json, next } = openResponse2(request, { status: 200, text, contentType: '' });
        step = next;
        return String(json.message ?? '');
      },
    };
    await logIn(client, USERNAME);
    clients.push(client);
  }
  return clients;
}
