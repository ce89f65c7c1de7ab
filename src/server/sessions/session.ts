import type { Endpoint } from '../../protocol/endpoints.ts';
import type { Transaction } from '../store/store.ts';
import type { AnswerFields } from './suites/suite.ts';

/** What a session knows of itself, as of one step. */
export interface Session {
  readonly id: Uint8Array;
  /** The suite that it is sealed with. */
  readonly suite: number;
  /** When it was opened, in milliseconds since 1970; 0 if that was not noted. */
  readonly startedAt: number;
  /** Who is logged in. */
  readonly userId: Uint8Array | null;
  /** The recovery that was begun in this session. */
  readonly recoveryId: Uint8Array | null;
}

export interface LoggedInSession extends Session {
  readonly userId: Uint8Array;
}

/** A request whose fields were opened. */
export interface OpenedRequest<E extends Endpoint> {
  readonly fields: Readonly<Record<Extract<keyof E['fields'], string>, string>> & {
    /** Whom the message is for, where the suite seals the name. */
    readonly username?: string;
  };
  readonly session: E['access'] extends 'login' ? LoggedInSession : Session;
}

export interface HandlerResult {
  /** How the session goes on; what is not named stays. */
  readonly session?: Partial<Pick<Session, 'userId' | 'recoveryId'>>;
  /** Fields of the answer. */
  readonly answer?: AnswerFields;
}

/**
 * What one endpoint does. Everything about keys, steps, resends, limits and errors is around it.
 *
 * A problem that it throws is answered, and what it wrote before throwing stays written: a counted attempt must.
 */
export interface Handler<E extends Endpoint, Prepared = undefined> {
  /** Says whether the request may be executed at all, by throwing a problem that leaves the session as it was. */
  readonly checkRateLimit?: (transaction: Transaction) => Promise<void>;
  /** Slow work that needs no transaction, such as hashing. Done once for a request, however often it is sent. */
  readonly prepare?: (request: OpenedRequest<E>) => Promise<Prepared>;
  readonly execute: (request: OpenedRequest<E>, transaction: Transaction, prepared: Prepared) => Promise<HandlerResult>;
}
