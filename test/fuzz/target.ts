// The server under test, with a session in use that must survive all input.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { httpPost } from '../support/httpPost.ts';
import { newPerson, type Person, register } from '../support/people.ts';
import { residentMemory } from '../support/processMemory.ts';
import { startServer, type TestServer, UNLIMITED } from '../support/server.ts';
import type { HttpResponse, Suite1Client } from '../support/suite1Client.ts';
import type { Cleanup } from '../torture/harness.ts';

/** A server that takes longer has hung. */
const TIMEOUT_MS = 15_000;
/** In bytes; the largest bodies and password hashes need far less. */
const MAX_MEMORY = 1024 * 1024 * 1024;
const MAX_WAITS = 20;
const MAX_SHOWN = 2_000;

export interface Target {
  readonly server: TestServer;
  readonly person: Person;
  /** Logged in. */
  readonly client: Suite1Client;
  /** Posts a body verbatim. */
  post(path: string, body: Uint8Array, headers?: Record<string, string>): Promise<HttpResponse>;
  /** Fails on a server error. */
  checkResponse(answer: HttpResponse): void;
  /** Fails unless the session continues with its current keys. */
  checkSession(): Promise<void>;
  /** Fails if the server uses too much memory. */
  checkMemory(): void;
}

export async function openTarget(t: Cleanup): Promise<Target> {
  const server = await startServer(t, UNLIMITED);
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
        const answer = await httpPost(server.url + path, body, { agent, headers, timeoutMs: TIMEOUT_MS });
        if (answer.status !== 503 || wait === MAX_WAITS) return answer;
        await delay(100);
      }
    },
    checkResponse({ status, text }) {
      assert.ok(status < 500 || status === 503, `${status} ${text.slice(0, MAX_SHOWN)}`);
    },
    async checkSession() {
      const answer = await client.encrypt(person.username, 'continues');
      assert.ok(answer.keys, `the session was lost: ${answer.status} ${answer.text.slice(0, MAX_SHOWN)}`);
    },
    checkMemory() {
      const memory = residentMemory(server.dataDir) ?? 0;
      assert.ok(memory < MAX_MEMORY, `the server has grown to ${Math.round(memory / 2 ** 20)} MiB`);
    },
  };
}
