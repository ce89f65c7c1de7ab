// One request body while it is being received.
import type { IncomingMessage } from 'node:http';
import { Problem } from '../../../protocol/problems.ts';
import { closeWithStatus } from '../closeWithStatus.ts';
import { ByteCollector } from './byteCollector.ts';

/** Bytes of a body that need no share of the memory, so that requests without a long text always have room. */
const FREE_LENGTH = 4 * 1024;
/** Bytes of a body that are kept before its session is looked up. */
const UNVERIFIED_LENGTH = 64 * 1024;
/** Time over which the rate is measured: mobile connections can stall for several seconds. */
const RATE_WINDOW_MS = 20_000;
/** A match elsewhere than in that field only lets the rest of the body be read. */
const SESSION_KEY = /"session_key"\s*:\s*"([^"\\]{1,1024})"/;

export interface UnfinishedBodyDependencies {
  readonly payload: IncomingMessage;
  /** Maximum length in bytes. */
  readonly limit: number;
  /** True if the response does not depend on the body. */
  readonly isIgnored: boolean;
  /** Reserves memory. @returns false if there is not enough */
  readonly reserve: (bytes: number) => boolean;
  readonly release: () => void;
  /** Called with the session key of a long or refused body. */
  readonly noteSessionKey: (sessionKey: string) => void;
  /** @throws Problem if there is no such session */
  readonly checkSession: (sessionKey: string) => Promise<void>;
  readonly done: (error: Error | null, body?: Buffer | Error) => void;
}

/**
 * Receives a body. A refused one is received to its end without being kept, so that the client gets the response and the
 * connection stays open.
 */
export class UnfinishedBody {
  readonly #dependencies: UnfinishedBodyDependencies;
  #collector = new ByteCollector();
  #received = 0;
  #refusal: Error | undefined;
  #isLookedUp = false;
  #isPaused = false;
  #isDone = false;
  #windowStartedAt: number | undefined;
  #windowStart = 0;

  constructor(dependencies: UnfinishedBodyDependencies) {
    this.#dependencies = dependencies;
    const { payload, limit } = dependencies;
    payload.on('data', (chunk: Buffer) => this.#receive(chunk));
    payload.on('end', () => this.#finish(null, this.#refusal ?? this.#collector.bytes()));
    payload.on('error', () => this.#finish(new Problem('malformed_request')));
    // After the caller has stored the object.
    if (Number(payload.headers['content-length']) > limit)
      queueMicrotask(() => this.#finish(new Problem('payload_too_large')));
  }

  /** Reports whether the body has arrived at a rate since the window began, and begins the next window at its end. */
  isFastEnough(bytesPerSecond: number, now: number): boolean {
    const hasBegun = this.#windowStartedAt !== undefined && !this.#isPaused;
    const elapsedMs = now - (this.#windowStartedAt ?? now);
    if (hasBegun && elapsedMs < RATE_WINDOW_MS) return true;
    const isFastEnough = !hasBegun || this.#received - this.#windowStart >= (bytesPerSecond * elapsedMs) / 1000;
    this.#windowStartedAt = now;
    this.#windowStart = this.#received;
    return isFastEnough;
  }

  /** Ends the connection with the status 408. */
  abort(): void {
    this.#isDone = true;
    this.#dependencies.release();
    closeWithStatus(this.#dependencies.payload.socket, 408);
  }

  #receive(chunk: Buffer): void {
    if (this.#isDone) return;
    this.#received += chunk.length;
    if (this.#received > this.#dependencies.limit) this.#finish(new Problem('payload_too_large'));
    else if (!this.#refusal && !this.#dependencies.isIgnored) this.#keep(chunk);
  }

  #keep(chunk: Buffer): void {
    if (!this.#hasRoomFor(chunk.length)) {
      const sessionKey = findSessionKey(this.#collector.length > 0 ? this.#collector.bytes() : chunk);
      if (sessionKey !== undefined) this.#dependencies.noteSessionKey(sessionKey);
      this.#refuse(new Problem('overloaded', { retryAfterSeconds: 1 }));
      return;
    }
    this.#collector.push(chunk);
    if (this.#received > UNVERIFIED_LENGTH && !this.#isLookedUp) this.#lookUpSession();
  }

  #hasRoomFor(length: number): boolean {
    const growth = this.#collector.growthFor(length);
    return growth === 0 || this.#collector.length + growth <= FREE_LENGTH || this.#dependencies.reserve(growth);
  }

  /** The field may follow a long one. Then the body is read within the limits for unknown sessions. */
  #lookUpSession(): void {
    this.#isLookedUp = true;
    const { payload, checkSession, noteSessionKey } = this.#dependencies;
    const sessionKey = findSessionKey(this.#collector.bytes());
    if (sessionKey === undefined) return;
    noteSessionKey(sessionKey);
    this.#isPaused = true;
    payload.pause();
    checkSession(sessionKey)
      .catch((error: Error) => this.#refuse(error))
      .then(() => {
        this.#isPaused = false;
        payload.resume();
      });
  }

  #refuse(reason: Error): void {
    this.#refusal = reason;
    this.#collector = new ByteCollector();
    this.#dependencies.release();
  }

  #finish(error: Error | null, body?: Buffer | Error): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#dependencies.done(error, body);
  }
}

function findSessionKey(beginning: Buffer): string | undefined {
  return SESSION_KEY.exec(beginning.toString('latin1', 0, UNVERIFIED_LENGTH))?.[1];
}
