// Handlers of the endpoints that manage an account: email change, deletion, notices.
import type { AccountDeletion } from '../accounts/deletion.ts';
import type { EmailChanges } from '../accounts/emailChange.ts';
import type { Notices } from '../accounts/notices.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type Handlers, prepared } from '../sessions/handler.ts';

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
      async checkRateLimit(tx, address) {
        await checkRateLimit.passwordCheck(tx, address);
        await checkRateLimit.mails(tx, address);
      },
      prepare: ({ fields, session }) => emailChanges.prepare(session.userId, fields.new_email, fields.password),
      async execute(_request, tx, change) {
        await emailChanges.begin(tx, change);
        return {};
      },
    }),

    confirmChangeEmail: {
      kind: 'immediate',
      checkRateLimit: checkRateLimit.passwordCheck,
      async execute({ fields, session }, tx) {
        await emailChanges.confirm(tx, session.userId, fields.code);
        return {};
      },
    },

    deleteAccount: prepared({
      checkRateLimit: checkRateLimit.passwordCheck,
      prepare: ({ fields, session }) => deletion.prepare(session.userId, fields.username, fields.password),
      async execute({ session }, tx, verified) {
        await deletion.execute(tx, session.id, verified);
        return { session: { userId: null, recoveryId: null } };
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
