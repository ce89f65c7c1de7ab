/** Suite 2 against suite 1, on the same server. */
import {
  beginHandshake,
  checkIntroduction,
  type Introduction,
  openAnswer2,
  prepare2,
  type Step,
} from '../test/support/suite2Client.ts';
import { type Client, HANDSHAKE_BODY } from './support/client.ts';
import { type Connection, openConnection } from './support/connection.ts';
import type { Context } from './support/context.ts';
import { runLoad } from './support/load.ts';
import { closeAll, emailOf, openLoggedIn, PASSWORD, register, USERNAME } from './support/people.ts';
import { type Contestant, compare, type Result } from './support/rounds.ts';
import { startServer, type Target } from './support/target.ts';

const SESSIONS = 16;
const HANDSHAKE = '/create_session_key';
/** How often the SDK makes a KEM step. */
const KEM_INTERVAL = 16;
const TEXT = 'The hundred bytes of a message that somebody may well want to hide in a video.'.padEnd(100);

type Call = (client: Pick<Client, 'call'>) => Promise<unknown>;

export async function measureSuite2(context: Context): Promise<Result[]> {
  const server = await startServer(context);
  const owner = await register(server, USERNAME);
  const connections = await Promise.all(Array.from({ length: SESSIONS }, () => openConnection(server.url)));
  const suite1 = await openLoggedIn(server, SESSIONS);
  const [plain, healing] = [await openSessions(server, undefined), await openSessions(server, KEM_INTERVAL)];
  const every = await openSessions(server, 1);
  try {
    const { body } = await introduction(connections[0] as Connection);
    const shake = (name: string, request: string): Contestant => ({
      name,
      round: (milliseconds) =>
        runLoad(connections, (connection) => expectOk(connection, HANDSHAKE, request), {
          milliseconds,
          pids: [server.pid],
        }),
    });
    const encrypting = (name: string, clients: readonly Pick<Client, 'call'>[], call: Call): Contestant => ({
      name,
      round: (milliseconds) => runLoad(clients, call, { milliseconds, pids: [server.pid] }),
    });
    const named: Call = (client) => client.call(`/encrypt/${USERNAME}`, { message: TEXT });
    const sealed: Call = (client) => client.call('/encrypt', { username: USERNAME, message: TEXT });
    return [
      ...(await compare(
        'handshake',
        [shake('suite 1', HANDSHAKE_BODY), shake('suite 2', JSON.stringify(body))],
        context,
      )),
      ...(await compare(
        `encrypt, ${SESSIONS} sessions, by suite`,
        [
          encrypting('suite 1', suite1, named),
          encrypting('suite 2', plain, sealed),
          encrypting('suite 2, KEM every 16', healing, sealed),
          encrypting('suite 2, KEM every 1', every, sealed),
        ],
        context,
      )),
    ];
  } finally {
    closeAll([owner, ...connections, ...suite1, ...plain, ...healing, ...every]);
    await server.dispose();
  }
}

async function introduction(connection: Connection) {
  const { body } = await connection.post(HANDSHAKE, JSON.stringify({ suite: 2 }));
  const { kid, serverKey } = checkIntroduction(JSON.parse(body) as Introduction);
  return beginHandshake(kid, serverKey);
}

/** Opens sessions of suite 2, logged in, that make a KEM step every so many requests, or none. */
async function openSessions({ url }: Target, kemInterval: number | undefined): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < SESSIONS) {
    const connection = await openConnection(url);
    const pending = await introduction(connection);
    let step: Step = pending.finish(JSON.parse(await expectOk(connection, HANDSHAKE, JSON.stringify(pending.body))));
    const client: Client = {
      async call(path, fields) {
        const kem = kemInterval !== undefined && step.n % kemInterval === 0;
        const request = prepare2(step, path, fields, { kem });
        const text = await expectOk(connection, path, request.body);
        const { json, next } = openAnswer2(request, { status: 200, text, contentType: '' });
        step = next;
        return String(json.message ?? '');
      },
      close: connection.close,
    };
    await client.call('/login_user', { email: emailOf(USERNAME), password: PASSWORD });
    clients.push(client);
  }
  return clients;
}

async function expectOk(connection: Connection, path: string, request: string): Promise<string> {
  const { status, body } = await connection.post(path, request);
  if (status !== 200) throw new Error(`${path} was answered ${status}: ${body.slice(0, 200)}`);
  return body;
}
