// The sessions of an account: listing and ending them.
import { Problem } from '../../protocol/problems.ts';
import { findLabels } from '../store/sessionLabels.ts';
import type { Transaction } from '../store/store.ts';
import {
  deleteOtherSessionsOfUser,
  deleteSessionOfUser,
  findSessionsOfUser,
  forgetUserOfSession,
  keepLastUsedSessions,
} from '../store/userSessions.ts';
import { toBase64Url } from './base64url.ts';
import { labelSession } from './labels.ts';
import type { LoggedInSession, Session } from './session.ts';

/** Maximum number of sessions in which an account is logged in. A further login ends the least recently used one. */
export const MAX_SESSIONS_PER_ACCOUNT = 100;

/** A session in the list of its user. */
export interface ListedSession {
  /** Base64url. Identifies the session without opening it. */
  readonly id: string;
  readonly suite: number;
  /** Milliseconds since 1970; null if it was not recorded. */
  readonly started_at: number | null;
  /** Milliseconds since 1970. */
  readonly last_used_at: number;
  readonly current: boolean;
  /** Null if the session has none. */
  readonly label: string | null;
}

/** Clients of suite 1 cannot label their sessions. */
const SUITE1_LABEL = 'Old VWS client';

/** The sessions of an account, as its user manages them. */
export class UserSessions {
  readonly #idleTimeoutMs: number;
  readonly #clock: () => number;

  constructor(idleTimeoutMs: number, clock: () => number) {
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#clock = clock;
  }

  /** @returns the sessions of the user, the most recently used first */
  async list(tx: Transaction, session: LoggedInSession): Promise<ListedSession[]> {
    const now = this.#clock();
    const own = toBase64Url(session.id);
    const sessions = await findSessionsOfUser(tx, session.userId, now - this.#idleTimeoutMs, MAX_SESSIONS_PER_ACCOUNT);
    const labels = new Map(
      (await findLabels(tx, session.userId)).map(({ session_id, label }) => [toBase64Url(session_id), label]),
    );
    const listed = sessions.map(({ session_id, suite, started_at, last_used_at }) => {
      const id = toBase64Url(session_id);
      const current = id === own;
      // The current session is in use right now, which the store learns with the response.
      const label = suite === 1 ? SUITE1_LABEL : (labels.get(id) ?? null);
      return { id, suite, started_at: started_at || null, last_used_at: current ? now : last_used_at, current, label };
    });
    return listed.sort((a, b) => b.last_used_at - a.last_used_at);
  }

  /**
   * Ends another session of the user.
   *
   * @param id base64url
   * @throws Problem `no_such_session`, also for the current session
   */
  async end(tx: Transaction, session: LoggedInSession, id: string): Promise<void> {
    // Compared as bytes: base64 has more than one spelling of the same bytes.
    const sessionId = Buffer.from(id, 'base64url');
    const isOwn = sessionId.equals(session.id);
    const ended = !isOwn && (await deleteSessionOfUser(tx, session.userId, sessionId));
    if (!ended) throw new Problem('no_such_session');
  }

  async endOthers(tx: Transaction, { userId, id }: LoggedInSession): Promise<void> {
    await deleteOtherSessionsOfUser(tx, userId, id);
  }

  /** @throws Problem `invalid_value` */
  async label(tx: Transaction, session: LoggedInSession, text: string): Promise<void> {
    await labelSession(tx, session, text, this.#clock());
  }

  /** Makes room for a session in which the user logs in: ends those beyond the limit that were not used for the longest time. */
  async makeRoom(tx: Transaction, userId: Uint8Array, { id }: Pick<Session, 'id'>): Promise<void> {
    await keepLastUsedSessions(tx, userId, id, MAX_SESSIONS_PER_ACCOUNT - 1);
  }

  /** Logs the session out. The session itself continues: its client still needs the response. */
  async logOut(tx: Transaction, { id }: LoggedInSession): Promise<void> {
    await forgetUserOfSession(tx, id);
  }
}
