import { Problem } from '../../protocol/problems.ts';
import type { Transaction } from '../store/store.ts';
import {
  deleteOtherSessionsOfUser,
  deleteSessionOfUser,
  findSessionsOfUser,
  forgetUserOfSession,
} from '../store/userSessions.ts';
import type { LoggedInSession } from './session.ts';

/** The most sessions that a list shows: those used last. */
export const MAX_LISTED_SESSIONS = 100;

/** A session as its user is shown it. */
export interface ListedSession {
  readonly id: string;
  readonly suite: number;
  /** Milliseconds since 1970; null if it was not noted. */
  readonly started_at: number | null;
  /** Milliseconds since 1970. */
  readonly last_used_at: number;
  readonly current: boolean;
}

/** What a user can do about the sessions of the account. */
export interface UserSessions {
  list(transaction: Transaction, session: LoggedInSession): Promise<ListedSession[]>;
  /** @throws Problem `no_such_session`, also for the session itself */
  end(transaction: Transaction, session: LoggedInSession, id: string): Promise<void>;
  endOthers(transaction: Transaction, session: LoggedInSession): Promise<void>;
  /** Ends the login, not the session: its client still has to get the answer. */
  logOut(transaction: Transaction, session: LoggedInSession): Promise<void>;
}

export function createUserSessions(idleTime: number, clock: () => number): UserSessions {
  return {
    async list(tx, session) {
      const now = clock();
      const own = formatId(session.id);
      const sessions = await findSessionsOfUser(tx, session.userId, now - idleTime, MAX_LISTED_SESSIONS);
      const listed = sessions.map(({ session_id, suite, started_at, last_used_at }) => {
        const current = formatId(session_id) === own;
        // The session that asks is in use right now, which the store learns with the answer.
        const lastUse = current ? now : last_used_at;
        return { id: formatId(session_id), suite, started_at: started_at || null, last_used_at: lastUse, current };
      });
      return listed.sort((a, b) => b.last_used_at - a.last_used_at);
    },

    async end(tx, session, id) {
      // Compared as bytes: base64 has more than one spelling for the same ones.
      const sessionId = Buffer.from(id, 'base64url');
      const isOwn = sessionId.equals(session.id);
      const ended = !isOwn && (await deleteSessionOfUser(tx, session.userId, sessionId));
      if (!ended) throw new Problem('no_such_session');
    },

    endOthers: (tx, { userId, id }) => deleteOtherSessionsOfUser(tx, userId, id),

    logOut: (tx, { id }) => forgetUserOfSession(tx, id),
  };
}

/** Where a session is stored: it names the session and opens nothing. */
function formatId(id: Uint8Array): string {
  return Buffer.from(id).toString('base64url');
}
