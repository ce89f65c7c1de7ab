// Handlers of the endpoints that manage an account: email change, deletion, notices.
import type { AccountDeletion } from '../accounts/deletion.ts';
import type { EmailChanges } from '../accounts/emailChange.ts';
import type { Notices } from '../accounts/notices.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type Handlers, prepared } from '../sessions/handler.ts';
import { clientOf, sessionSubject } from './accounts.ts';

export interface ManagementHandlersDependencies {
  readonly emailChanges: EmailChanges;
  readonly deletion: AccountDeletion;
  readonly notices: Pick<Notices, 'choose'>;
  readonly checkRateLimit: { readonly passwordCheck: RateLimitCheck; readonly mails: RateLimitCheck };
}

export function createManagementHandlers({
  emailChanges,
  deletion,
  notices,
  checkRateLimit,
}: ManagementHandlersDependencies): Pick<
  Handlers,
  'changeEmail' | 'confirmChangeEmail' | 'deleteAccount' | 'setNotices'
> {
  return {
    changeEmail: prepared({
      async checkRateLimit(tx, address, { session }) {
        await checkRateLimit.passwordCheck(tx, sessionSubject(session, address));
        await checkRateLimit.mails(tx, address);
      },
      prepare: (request) => {
        const { new_email, password } = request.fields;
        return emailChanges.prepare(request.session.userId, new_email, password, clientOf(request));
      },
      async execute(_request, tx, change) {
        await emailChanges.begin(tx, change);
        return {};
      },
    }),

    confirmChangeEmail: {
      kind: 'immediate',
      checkRateLimit: (tx, address, { session }) => checkRateLimit.passwordCheck(tx, sessionSubject(session, address)),
      async execute(request, tx) {
        const { userId } = request.session;
        return { response: await emailChanges.confirm(tx, userId, request.fields.code, clientOf(request)) };
      },
    },

    deleteAccount: prepared({
      checkRateLimit: (tx, address, { session }) => checkRateLimit.passwordCheck(tx, sessionSubject(session, address)),
      prepare: (request) => {
        const { username, password } = request.fields;
        return deletion.prepare(request.session.userId, username, password, clientOf(request));
      },
      async execute(request, tx, verified) {
        await deletion.execute(tx, request.session.id, verified, clientOf(request));
        return { session: { userId: null, pendingId: null } };
      },
    }),

    setNotices: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        await notices.choose(tx, session.userId, fields.login);
        return {};
      },
    },
  };
}
