// Reads the request bodies of all connections: their memory, their rate, and the early lookup of the sessions of long ones.
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { BodyBudget, type BodyShare } from './bodyBudget.ts';
import { UnfinishedBody } from './unfinishedBody.ts';

const RATE_CHECK_INTERVAL_MS = 5_000;

export interface BodyReaderDependencies {
  /** Memory for all bodies, in bytes. */
  readonly maxBodyMemory: number;
  /** Bytes of the longest body of any route. */
  readonly longestBody: number;
  /** Lowest rate at which a body may arrive, in bytes per second. */
  readonly minBodyRate: number;
  /** Returns the client that a body's memory is counted for. */
  readonly subjectOf: (request: FastifyRequest) => string;
  /** Remembers the suite of a request that may be refused. */
  readonly noteSessionKey: (request: FastifyRequest, sessionKey: string) => void;
  /**
   * Looks up the session of a request whose body is long.
   *
   * @throws Problem if there is none
   */
  readonly checkSession: (request: FastifyRequest, sessionKey: string) => Promise<void>;
}

/** Reads bodies within a common budget of memory. */
export class BodyReader {
  readonly budget: BodyBudget;
  readonly #dependencies: BodyReaderDependencies;
  readonly #shares = new WeakMap<FastifyRequest, BodyShare>();
  readonly #unfinished = new Set<UnfinishedBody>();
  readonly #timer: NodeJS.Timeout;

  constructor(dependencies: BodyReaderDependencies) {
    this.#dependencies = dependencies;
    this.budget = new BodyBudget(dependencies.maxBodyMemory, dependencies.longestBody);
    this.#timer = setInterval(() => this.#closeSlow(performance.now()), RATE_CHECK_INTERVAL_MS).unref();
  }

  /**
   * Reads the body of a request.
   *
   * @param done called once, with an error that ends the connection, or with the body or the reason to refuse the request
   */
  read(
    request: FastifyRequest,
    payload: IncomingMessage,
    done: (error: Error | null, body?: Buffer | Error) => void,
  ): void {
    const { noteSessionKey, checkSession } = this.#dependencies;
    const body = new UnfinishedBody({
      payload,
      limit: request.routeOptions.bodyLimit ?? 0,
      isIgnored: request.is404,
      reserve: (bytes) => this.budget.reserve(this.#shareOf(request), bytes),
      release: () => this.release(request),
      noteSessionKey: (sessionKey) => noteSessionKey(request, sessionKey),
      checkSession: async (sessionKey) => {
        await checkSession(request, sessionKey);
        this.budget.verify(this.#shareOf(request));
      },
      done: (error, bytes) => {
        this.#unfinished.delete(body);
        done(error, bytes);
      },
    });
    this.#unfinished.add(body);
  }

  /** Returns the memory of a request's body to the budget. */
  release(request: FastifyRequest): void {
    const share = this.#shares.get(request);
    if (share) this.budget.release(share);
  }

  /** Stops checking the rate of bodies. */
  close(): void {
    clearInterval(this.#timer);
  }

  #shareOf(request: FastifyRequest): BodyShare {
    const known = this.#shares.get(request);
    if (known) return known;
    const share = { address: this.#dependencies.subjectOf(request), isVerified: false, bytes: 0 };
    this.#shares.set(request, share);
    return share;
  }

  #closeSlow(now: number): void {
    for (const body of this.#unfinished) {
      if (body.isFastEnough(this.#dependencies.minBodyRate, now)) continue;
      this.#unfinished.delete(body);
      body.abort();
    }
  }
}
