import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, type Fields, openHandshake, publicKeyPem, Suite1Client } from '../support/suite1Client.ts';
import { copiesOf, pickFault } from './faults.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import { LostAnswer, sendOnce, type TimedAnswer } from './transport.ts';

/** After so long without an answer, through all faults and crashes, the server is held to have hung. */
const PATIENCE_MILLISECONDS = 90_000;
const MAX_BACKOFF_MILLISECONDS = 60;
const HANDSHAKE = {
  path: '/create_session_key',
  body: JSON.stringify({ public_key: Buffer.from(publicKeyPem).toString('hex') }),
};

/** What a client of the run has around it. */
export interface Surroundings {
  readonly proxyUrl: string;
  readonly oracle: Oracle;
  /** Resolves when a server is there (again). */
  readonly serverUp: () => Promise<void>;
  /** Counts what may make a server begin a request anew that was under way: deaths, and cut lines to the database. */
  readonly disturbances: () => number;
  /** From 0 to 1, see {@link pickFault}. */
  readonly faultRate: () => number;
}

/** A promise was broken and reported; the actor starts anew. */
export class Broken extends Error {}

/** Requests of one actor, sent until they are answered or given up. */
export interface Conversation {
  readonly actor: string;
  /** A new session. */
  handshake(): Promise<Suite1Client>;
  /**
   * Makes a request and goes on to the keys of its answer.
   *
   * @param giveUpChance how likely each lost answer makes the client give the request up
   * @returns nothing if it was given up: it may have been executed, and may yet be
   * @throws Broken if the session is lost or the answer is none that suite 1 knows
   */
  request(client: Suite1Client, path: string, fields: Fields, options?: RequestOptions): Promise<Answer | undefined>;
  /** Like {@link request}, insisting on an answer. */
  insist(client: Suite1Client, path: string, fields: Fields, options?: RequestOptions): Promise<Answer>;
  /** Sends one handshake once, from an address of the caller's choice. */
  tryHandshake(address: string): Promise<Trial>;
  /** Reports a broken promise. */
  broken(promise: string, detail: string): never;
}

export interface RequestOptions {
  readonly giveUpChance?: number;
  /** Called before each sending and at the end, with the disturbances so far. */
  readonly onProgress?: (disturbances: number) => void;
  /** Whether the session may be over: the answer that says so is then given back. */
  readonly mayBeOver?: boolean;
}

export interface Trial {
  /** Of the answer, if there was one. */
  readonly status: number | undefined;
  /** How many copies may have reached a server. */
  readonly copies: number;
}

export function createConversation(actor: string, random: Random, around: Surroundings): Conversation {
  const { oracle } = around;

  function broken(promise: string, detail: string): never {
    oracle.note(actor, `BROKEN: ${promise}`);
    oracle.report(actor, promise, detail);
    throw new Broken(promise);
  }

  async function send(
    request: { path: string; body: string },
    options: RequestOptions,
  ): Promise<TimedAnswer | undefined> {
    try {
      return await repeat(request, options);
    } finally {
      options.onProgress?.(around.disturbances());
    }
  }

  /** The lock counts wrong passwords per network; only handshakes are limited per address here. */
  const ownAddress = newAddress(random);

  /** One request, the same bytes again and again. */
  async function repeat(
    request: { path: string; body: string },
    { giveUpChance = 0, onProgress }: RequestOptions,
  ): Promise<TimedAnswer | undefined> {
    const deadline = performance.now() + PATIENCE_MILLISECONDS;
    for (let attempt = 1; ; attempt++) {
      await around.serverUp();
      const fault = pickFault(random, around.faultRate());
      oracle.count('requests');
      if (attempt > 1) oracle.count('resends');
      onProgress?.(around.disturbances());
      try {
        const address = request === HANDSHAKE ? newAddress(random) : ownAddress;
        const answer = await sendOnce(around.proxyUrl, request, fault, address);
        oracle.note(actor, `POST ${request.path} (${fault}, attempt ${attempt}): ${answer.status}`);
        if (answer.status !== 503 && answer.status !== 429) return answer;
        oracle.count('told to come back');
        if (answer.retryAfter === undefined) broken('a busy server says when to come back', `${answer.status}`);
      } catch (error) {
        if (!(error instanceof LostAnswer)) throw error;
        oracle.count('lost answers');
        oracle.note(actor, `POST ${request.path} (${fault}, attempt ${attempt}): lost: ${error.message}`);
        if (random.chance(giveUpChance)) {
          oracle.count('given up');
          oracle.note(actor, `POST ${request.path}: given up`);
          return undefined;
        }
      }
      if (performance.now() > deadline) broken('every request is answered in the end', `POST ${request.path}`);
      await delay(random.integer(0, MAX_BACKOFF_MILLISECONDS));
    }
  }

  async function request(
    client: Suite1Client,
    path: string,
    fields: Fields,
    options: RequestOptions = {},
  ): Promise<Answer | undefined> {
    const prepared = client.prepare(path, fields);
    const http = await send(prepared, options);
    if (!http) return undefined;
    if (options.mayBeOver && http.status === 404) return { ...http, body: undefined };
    const told = `POST ${path}: ${http.status} ${http.text.slice(0, 300)}`;
    if (http.status === 404 || http.status === 408) broken('a session is not lost', told);
    if (http.status < 200 || http.status > 202) broken('a good request is answered', told);
    const answer = accept(client, prepared, http) ?? broken('an answer opens under the keys of its request', told);
    if (!answer.keys) broken('an answer carries new keys', told);
    if (answer.error !== undefined) oracle.note(actor, `  ${answer.error}`);
    oracle.count('acknowledged');
    return answer;
  }

  return {
    actor,
    broken,
    request,
    async insist(client, path, fields, options) {
      return (await request(client, path, fields, { ...options, giveUpChance: 0 })) as Answer;
    },
    async tryHandshake(address) {
      const fault = pickFault(random, around.faultRate());
      oracle.count('requests');
      try {
        const { status } = await sendOnce(around.proxyUrl, HANDSHAKE, fault, address);
        return { status, copies: copiesOf(fault) };
      } catch (error) {
        if (!(error instanceof LostAnswer)) throw error;
        return { status: undefined, copies: copiesOf(fault) };
      }
    },
    async handshake() {
      const http = await send(HANDSHAKE, {});
      if (http?.status !== 200) broken('a handshake succeeds', `${http?.status} ${http?.text}`);
      return new Suite1Client({ url: around.proxyUrl }, openHandshake(http));
    },
  };
}

/** One of 16 million addresses: nobody reaches a limit unless he means to. */
export function newAddress(random: Random): string {
  return `10.${random.integer(0, 255)}.${random.integer(0, 255)}.${random.integer(0, 255)}`;
}

function accept(
  client: Suite1Client,
  request: ReturnType<Suite1Client['prepare']>,
  http: TimedAnswer,
): Answer | undefined {
  try {
    return client.accept(request, http);
  } catch {
    return undefined;
  }
}
