// The in-memory server for tests of the SDK.
import { sha256, unb64 } from '../suite2Client.ts';
import { createAccounts } from './memoryAccounts.ts';
import {
  answerHandshake,
  createIdentity,
  createServerKey,
  type Json,
  openRequest,
  sealResponse,
} from './memorySuite2.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

interface MemorySession {
  root: Uint8Array;
  n: number;
  last?: { hash: string; status: number; json: Json };
  user?: { username: string; email: string; password: string } | undefined;
}

export interface MemoryResponse {
  readonly status: number;
  readonly json: unknown;
  readonly headers?: Record<string, string>;
}

/** An executed request; repetitions are not included. */
export interface Execution {
  readonly path: string;
  readonly fields: Json;
  readonly withKemKey: boolean;
  readonly n: number;
}

export type MemoryServer = Awaited<ReturnType<typeof createMemoryServer>>;

/** An in-memory server of suite 2 that handles one request at a time. */
export async function createMemoryServer(now: () => number) {
  const identity = createIdentity();
  const sessions = new Map<string, MemorySession>();
  const executions: Execution[] = [];
  const { accounts, messages, execute } = createAccounts();
  let key = await createServerKey(identity, now() - DAY_MS, now() + 30 * DAY_MS);
  let turn: Promise<unknown> = Promise.resolve();

  const refuse = (status: number, code: string): MemoryResponse => ({
    status,
    json: { type: `/problems#${code}`, title: code, status, code },
  });

  async function handshake(body: Json): Promise<MemoryResponse> {
    if (body.kid === undefined || !unb64(body.kid).equals(key.kid)) return { status: 200, json: key.introduction };
    const { answer, sid, root } = await answerHandshake(key, body, server.features);
    sessions.set(sid, { root, n: 0 });
    return { status: 200, json: answer };
  }

  async function handle(path: string, body: Json): Promise<MemoryResponse> {
    if (path === '/create_session_key') return handshake(body);
    const [, sid, step] = String(body.session_key).split('.');
    const session = sessions.get(sid ?? '');
    if (!session) return refuse(404, 'session_not_found');
    const n = Number(step);
    const wireHash = sha256(Buffer.from([path, body.session_key, body.payload].join(' '))).toString('hex');
    if (n === session.n - 1 && session.last?.hash === wireHash) return session.last;
    if (n !== session.n) return refuse(409, 'out_of_sync');
    const request = openRequest(session.root, path, body);
    if (!request) return refuse(400, 'malformed_request');
    const { status, json } = server.answer(path) ?? execute(session, path, request.fields);
    executions.push({ path, fields: request.fields, withKemKey: request.kemKey !== undefined, n });
    const asked = server.ignoresKemKeys ? { ...request, kemKey: undefined } : request;
    const { answer, root } = await sealResponse(session.root, asked, status, json);
    Object.assign(session, { root, n: n + 1, last: { hash: wireHash, status, json: answer } });
    return { status, json: answer };
  }

  const server = {
    /** Responds to a request in place of the rules. */
    answer: (_path: string): { status: number; json: Json } | undefined => undefined,
    /** Continues without the requested rekeys. */
    ignoresKemKeys: false,
    identity,
    fingerprint: identity.fingerprint,
    /** Sent in the handshake; undefined for a server that does not send it. */
    features: ['token-messages'] as string[] | undefined,
    accounts,
    messages,
    executions,
    sessions,
    /** The introduction of the current key. */
    get introduction() {
      return key.introduction;
    },
    async rotateKey(notBefore = now() - DAY_MS, notAfter = now() + 30 * DAY_MS) {
      key = await createServerKey(identity, notBefore, notAfter);
    },
    handle(path: string, body: string): Promise<MemoryResponse> {
      const answer = turn.then(() => handle(path, JSON.parse(body) as Json));
      turn = answer.catch(() => {});
      return answer;
    },
  };
  return server;
}
