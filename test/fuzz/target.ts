/** A real server under fuzzing, with a session in use that nothing may burn. */
import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { newPerson, type Person, register } from '../support/people.ts';
import { residentMemory } from '../support/processMemory.ts';
import { type Settings, startServer, type TestServer } from '../support/server.ts';
import type { HttpAnswer, Suite1Client } from '../support/suite1Client.ts';
import type { Cleanup } from '../torture/harness.ts';

/** A server that takes longer has hung. */
const PATIENCE_MILLISECONDS = 15_000;
/** A server at work, its biggest bodies and password hashes included, stays well below. In bytes. */
const MAX_MEMORY = 1024 * 1024 * 1024;
const MAX_WAITS = 20;
const MAX_TOLD = 2_000;

const LIMITS: Settings = {
  RATE_HANDSHAKES_PER_MINUTE: '10000000',
  RATE_LOGINS_PER_MINUTE: '10000000',
  RATE_FAILED_LOGINS_PER_MINUTE: '10000000',
  RATE_FAILED_LOGINS_PER_DAY: '10000000',
  RATE_REGISTRATIONS_PER_MINUTE: '10000000',
  RATE_RECOVERIES_PER_MINUTE: '10000000',
  RATE_RECOVERY_MAILS_PER_HOUR: '10000000',
};

export interface Target {
  readonly server: TestServer;
  readonly person: Person;
  /** Logged in. */
  readonly client: Suite1Client;
  /** Posts a body as it is. */
  post(path: string, body: Uint8Array, headers?: Record<string, string>): Promise<HttpAnswer>;
  /** Fails if the answer says that the server failed. */
  checkAnswer(answer: HttpAnswer): void;
  /** Fails unless the session goes on with the keys that it had before, and the server is well. */
  checkSession(): Promise<void>;
  /** Fails if the server has grown out of all proportion. */
  checkMemory(): void;
}

export async function openTarget(t: Cleanup): Promise<Target> {
  const server = await startServer(t as Parameters<typeof startServer>[0], LIMITS);
  const person = newPerson();
  const client = await register(server, person);
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  t.after(() => agent.destroy());

  return {
    server,
    person,
    client,
    async post(path, body, headers = {}) {
      for (let wait = 0; ; wait++) {
        const answer = await postBytes(agent, server.url, path, body, headers);
        if (answer.status !== 503 || wait === MAX_WAITS) return answer;
        await delay(100);
      }
    },
    checkAnswer({ status, text }) {
      assert.ok(status < 500 || status === 503, `${status} ${text.slice(0, MAX_TOLD)}`);
    },
    async checkSession() {
      const answer = await client.encrypt(person.username, 'goes on');
      assert.ok(answer.keys, `the session was burned: ${answer.status} ${answer.text.slice(0, MAX_TOLD)}`);
    },
    checkMemory() {
      const memory = residentMemory(server.dataDir) ?? 0;
      assert.ok(memory < MAX_MEMORY, `the server has grown to ${Math.round(memory / 2 ** 20)} MiB`);
    },
  };
}

function postBytes(
  agent: Agent,
  url: string,
  path: string,
  body: Uint8Array,
  headers: Record<string, string>,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      agent,
      headers: { 'content-length': body.length, ...headers },
      timeout: PATIENCE_MILLISECONDS,
    };
    const request = httpRequest(url + path, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    request.on('timeout', () => request.destroy(new Error('no answer: the server hangs')));
    request.on('error', reject);
    request.end(body);
  });
}
