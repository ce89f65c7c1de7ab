// Handlers of the three endpoints of password recovery.
import type { RecoveryRules } from '../accounts/recovery.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type Handlers, prepared } from '../sessions/handler.ts';
import { clientOf, loginClientOf } from './accounts.ts';

export interface RecoveryHandlersDependencies {
  readonly recovery: RecoveryRules;
  readonly checkRateLimit: { readonly recovery: RateLimitCheck; readonly mails: RateLimitCheck };
}

export function createRecoveryHandlers({
  recovery,
  checkRateLimit,
}: RecoveryHandlersDependencies): Pick<Handlers, 'forgotPassword' | 'confirmForgotPassword' | 'finalForgotPassword'> {
  return {
    forgotPassword: {
      kind: 'immediate',
      async checkRateLimit(tx, address) {
        await checkRateLimit.recovery(tx, address);
        await checkRateLimit.mails(tx, address);
      },
      execute: async (request, tx) => ({
        session: { pendingId: await recovery.begin(tx, request.fields.email, loginClientOf(request)) },
      }),
    },

    confirmForgotPassword: {
      kind: 'immediate',
      checkRateLimit: checkRateLimit.recovery,
      async execute({ fields, session }, tx) {
        await recovery.confirm(tx, session.pendingId, fields.code);
        return {};
      },
    },

    finalForgotPassword: prepared({
      checkRateLimit: checkRateLimit.recovery,
      prepare: (request) =>
        recovery.prepareFinish(request.session.pendingId, request.fields.new_password, clientOf(request)),
      async execute(request, tx, password) {
        const { pendingId, id } = request.session;
        await recovery.finish(tx, pendingId, id, password, clientOf(request));
        return { session: { pendingId: null } };
      },
    }),
  };
}
