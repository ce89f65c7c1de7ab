// Handlers of the three endpoints of password recovery.
import type { RecoveryRules } from '../accounts/recovery.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type Handlers, prepared } from '../sessions/handler.ts';

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
      execute: async ({ fields }, tx) => ({ session: { recoveryId: await recovery.begin(tx, fields.email) } }),
    },

    confirmForgotPassword: {
      kind: 'immediate',
      checkRateLimit: checkRateLimit.recovery,
      async execute({ fields, session }, tx) {
        await recovery.confirm(tx, session.recoveryId, fields.code);
        return {};
      },
    },

    finalForgotPassword: prepared({
      checkRateLimit: checkRateLimit.recovery,
      prepare: ({ fields, session }) => recovery.prepareFinish(session.recoveryId, fields.new_password),
      async execute({ session }, tx, password) {
        await recovery.finish(tx, session.recoveryId, session.id, password);
        return { session: { recoveryId: null } };
      },
    }),
  };
}
