// Handlers of the endpoints that list and end sessions.
import type { Handlers } from '../sessions/handler.ts';
import type { UserSessions } from '../sessions/list.ts';

export interface SessionHandlersDependencies {
  readonly sessions: UserSessions;
}

export function createSessionHandlers({
  sessions,
}: SessionHandlersDependencies): Pick<
  Handlers,
  'listSessions' | 'endSession' | 'endOtherSessions' | 'logOut' | 'labelSession'
> {
  return {
    listSessions: {
      kind: 'immediate',
      execute: async ({ session }, tx) => ({ response: { sessions: await sessions.list(tx, session) } }),
    },

    endSession: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        await sessions.end(tx, session, fields.session);
        return {};
      },
    },

    endOtherSessions: {
      kind: 'immediate',
      async execute({ session }, tx) {
        await sessions.endOthers(tx, session);
        return {};
      },
    },

    labelSession: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        await sessions.label(tx, session, fields.label);
        return {};
      },
    },

    logOut: {
      kind: 'immediate',
      async execute({ session }, tx) {
        await sessions.logOut(tx, session);
        return { session: { userId: null, pendingId: null } };
      },
    },
  };
}
