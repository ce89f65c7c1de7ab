// A client that repeats requests until they are answered.
import { setTimeout as delay } from 'node:timers/promises';
import type { TimedResponse } from '../support/httpPost.ts';
import {
  type Fields,
  openHandshake,
  publicKeyPem,
  Suite1Client,
  type Suite1Response,
} from '../support/suite1Client.ts';
import { copiesOf, pickFault } from './faults.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import { LostResponse, sendOnce } from './transport.ts';

/** Without a response for this long, through all faults and crashes, the server counts as hung. */
const TIMEOUT_MS = 90_000;
const MAX_BACKOFF_MS = 60;
const HANDSHAKE = {
  path: '/create_session_key',
  body: JSON.stringify({ public_key: Buffer.from(publicKeyPem).toString('hex') }),
};

/** Environment of a client. */
export interface Environment {
  readonly proxyUrl: string;
  readonly oracle: Oracle;
  /** Resolves when a server is up. */
  readonly serverUp: () => Promise<void>;
  /** Number of events that may restart a request in progress: crashes, and cut lines to the database. */
  readonly disturbances: () => number;
  /** From 0 to 1, see {@link pickFault}. */
  readonly faultRate: () => number;
}

/** A guarantee was violated and the violation reported; the actor starts over. */
export class Violation extends Error {}

/** Sends the requests of one actor until they are answered or abandoned. */
export interface RetryingClient {
  readonly actor: string;
  /** A new session. */
  handshake(): Promise<Suite1Client>;
  /**
   * Makes a request and continues with the keys of its response.
   *
   * @param giveUpChance probability that a lost response makes the client abandon the request
   * @returns undefined if it was abandoned: it may have been executed, or may be later
   * @throws Violation if the session is lost or the response is not one of suite 1
   */
  request(
    client: Suite1Client,
    path: string,
    fields: Fields,
    options?: RequestOptions,
  ): Promise<Suite1Response | undefined>;
  /** Like {@link request}, but never abandons the request. */
  requestUntilResponse(
    client: Suite1Client,
    path: string,
    fields: Fields,
    options?: RequestOptions,
  ): Promise<Suite1Response>;
  /** Sends the same bytes until they are answered, in any suite. */
  deliver(request: { path: string; body: string }, options?: RequestOptions): Promise<TimedResponse>;
  /** Sends one handshake once, from the given address. */
  tryHandshake(address: string): Promise<Trial>;
  /** Reports a violated guarantee. */
  reportViolation(guarantee: string, detail: string): never;
}

export interface RequestOptions {
  readonly giveUpChance?: number;
  /** Called before each attempt and at the end, with the disturbances so far. */
  readonly onProgress?: (disturbances: number) => void;
  /** The session may have ended: return such a response. */
  readonly mayBeOver?: boolean;
}

export interface Trial {
  /** Status of the response, if any. */
  readonly status: number | undefined;
  /** Number of copies that may have reached a server. */
  readonly copies: number;
}

export function createRetryingClient(actor: string, random: Random, environment: Environment): RetryingClient {
  const { oracle } = environment;

  function reportViolation(guarantee: string, detail: string): never {
    oracle.note(actor, `VIOLATED: ${guarantee}`);
    oracle.report(actor, guarantee, detail);
    throw new Violation(guarantee);
  }

  async function send(
    request: { path: string; body: string },
    options: RequestOptions,
  ): Promise<TimedResponse | undefined> {
    try {
      return await repeat(request, options);
    } finally {
      options.onProgress?.(environment.disturbances());
    }
  }

  /** The lock counts wrong passwords per network; only handshakes are limited per address here. */
  const ownAddress = newAddress(random);

  /** Sends the same bytes until they are answered. */
  async function repeat(
    request: { path: string; body: string },
    { giveUpChance = 0, onProgress }: RequestOptions,
  ): Promise<TimedResponse | undefined> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (let attempt = 1; ; attempt++) {
      await environment.serverUp();
      const fault = pickFault(random, environment.faultRate());
      oracle.count('requests');
      if (attempt > 1) oracle.count('resends');
      onProgress?.(environment.disturbances());
      try {
        const address = request === HANDSHAKE ? newAddress(random) : ownAddress;
        const answer = await sendOnce(environment.proxyUrl, request, fault, address);
        oracle.note(actor, `POST ${request.path} (${fault}, attempt ${attempt}): ${answer.status}`);
        if (answer.status !== 503 && answer.status !== 429) return answer;
        oracle.count('refused for now');
        if (answer.retryAfter === undefined) reportViolation('a refusal has a Retry-After', `${answer.status}`);
      } catch (error) {
        if (!(error instanceof LostResponse)) throw error;
        oracle.count('lost answers');
        oracle.note(actor, `POST ${request.path} (${fault}, attempt ${attempt}): lost: ${error.message}`);
        if (random.chance(giveUpChance)) {
          oracle.count('given up');
          oracle.note(actor, `POST ${request.path}: abandoned`);
          return undefined;
        }
      }
      if (performance.now() > deadline) reportViolation('every request is eventually answered', `POST ${request.path}`);
      await delay(random.integer(0, MAX_BACKOFF_MS));
    }
  }

  async function request(
    client: Suite1Client,
    path: string,
    fields: Fields,
    options: RequestOptions = {},
  ): Promise<Suite1Response | undefined> {
    const prepared = client.prepare(path, fields);
    const http = await send(prepared, options);
    if (!http) return undefined;
    if (options.mayBeOver && http.status === 404) return { ...http, body: undefined };
    const seen = `POST ${path}: ${http.status} ${http.text.slice(0, 300)}`;
    if (http.status === 404 || http.status === 408) reportViolation('a session is not lost', seen);
    if (http.status < 200 || http.status > 202) reportViolation('a valid request is answered', seen);
    const answer =
      accept(client, prepared, http) ?? reportViolation('a response opens under the keys of its request', seen);
    if (!answer.keys) reportViolation('a response carries new keys', seen);
    if (answer.error !== undefined) oracle.note(actor, `  ${answer.error}`);
    oracle.count('acknowledged');
    return answer;
  }

  return {
    actor,
    reportViolation,
    request,
    async requestUntilResponse(client, path, fields, options) {
      return (await request(client, path, fields, { ...options, giveUpChance: 0 })) as Suite1Response;
    },
    async deliver(request, options) {
      return (await send(request, { ...options, giveUpChance: 0 })) as TimedResponse;
    },
    async tryHandshake(address) {
      const fault = pickFault(random, environment.faultRate());
      oracle.count('requests');
      try {
        const { status } = await sendOnce(environment.proxyUrl, HANDSHAKE, fault, address);
        return { status, copies: copiesOf(fault) };
      } catch (error) {
        if (!(error instanceof LostResponse)) throw error;
        return { status: undefined, copies: copiesOf(fault) };
      }
    },
    async handshake() {
      const http = await send(HANDSHAKE, {});
      if (http?.status !== 200) reportViolation('a handshake succeeds', `${http?.status} ${http?.text}`);
      return new Suite1Client({ url: environment.proxyUrl }, openHandshake(http));
    },
  };
}

/** One of 16 million addresses: no client reaches a limit by accident. */
export function newAddress(random: Random): string {
  return `10.${random.integer(0, 255)}.${random.integer(0, 255)}.${random.integer(0, 255)}`;
}

function accept(
  client: Suite1Client,
  request: ReturnType<Suite1Client['prepare']>,
  http: TimedResponse,
): Suite1Response | undefined {
  try {
    return client.accept(request, http);
  } catch {
    return undefined;
  }
}
