// The floor of the comparisons: the server's parsing and cryptography and one durable write per request, with group
// commit and `synchronous=FULL`, on node:http and node:sqlite alone. Everything else that a server needs is missing: lost
// responses, limits, errors, logs, headers, accounts. All sessions belong to one user. Only for measurements.
import { randomBytes } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { addUser, openEnvelope, sealEnvelope } from './floor/messages.ts';
import { type Body, openSession, runStep } from './floor/sessions.ts';
import { openFloorStore } from './floor/store.ts';

const USERNAME = 'bench';
/** The server's. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const PASSWORD_COST = { algorithm: 2, memoryCost: 19 * 1024, timeCost: 2, parallelism: 1, secret: randomBytes(32) };

const store = openFloorStore(process.env.DATA_DIR ?? '.');
const userId = addUser(store, USERNAME);
const passwordHash = await hash(USERNAME, PASSWORD_COST);
const passwordChecks: (() => void)[] = [];
let hashers = Math.max(1, availableParallelism() - 1);

const server = createServer({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    answer(request.url ?? '', bytes, response);
  });
});

function answer(path: string, bytes: Buffer, response: ServerResponse): void {
  const body = JSON.parse(bytes.toString('utf8')) as Body;
  const reply = (json: string) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) });
    response.end(json);
  };
  if (path === '/create_session_key') {
    store.enqueue(() => openSession(store, userId, body), reply);
  } else if (path === '/decrypt') {
    store.enqueue(
      () =>
        runStep(store, path, bytes, body, ({ user_id }, field) =>
          openEnvelope(store.findUserById(user_id), field('message')),
        ),
      reply,
    );
  } else if (path === '/login_user') {
    passwordChecks.push(() => store.enqueue(() => runStep(store, path, bytes, body, openCredentials), reply));
    checkPasswords();
  } else {
    const name = decodeURIComponent(path.slice('/encrypt/'.length));
    store.enqueue(
      () =>
        runStep(store, path, bytes, body, (session, field) =>
          sealEnvelope(store.findUserByName(name), session.user_id, field('message')),
        ),
      reply,
    );
  }
}

function openCredentials(_session: unknown, field: (name: string) => string): undefined {
  field('email');
  field('password');
}

async function checkPasswords(): Promise<void> {
  if (hashers === 0) return;
  hashers -= 1;
  for (let next = passwordChecks.shift(); next; next = passwordChecks.shift()) {
    await verify(passwordHash, USERNAME, PASSWORD_COST);
    next();
  }
  hashers += 1;
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ msg: 'listening', url: `http://127.0.0.1:${port}` })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
