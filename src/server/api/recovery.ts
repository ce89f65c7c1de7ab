// Handlers of the three endpoints of password recovery.
import type { KnownClients } from '../accounts/knownClients.ts';
import type { RecoveryRules } from '../accounts/recovery.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type Handlers, prepared } from '../sessions/handler.ts';
import type { Session } from '../sessions/session.ts';
import { clientOf, deviceSubject, loginClientOf } from './accounts.ts';

export interface RecoveryHandlersDependencies {
  readonly recovery: RecoveryRules;
  readonly clients: Pick<KnownClients, 'limitSubject'>;
  readonly checkRateLimit: { readonly recovery: RateLimitCheck; readonly mails: RateLimitCheck };
}

export function createRecoveryHandlers({
  recovery,
  clients,
  checkRateLimit,
}: RecoveryHandlersDependencies): Pick<Handlers, 'forgotPassword' | 'confirmForgotPassword' | 'finalForgotPassword'> {
  return {
    forgotPassword: {
      kind: 'immediate',
      async checkRateLimit(tx, address, request) {
        const subject = await deviceSubject(clients, tx, address, request);
        await checkRateLimit.recovery(tx, subject);
        await checkRateLimit.mails(tx, subject);
      },
      execute: async (request, tx) => ({
        session: { pendingId: await recovery.begin(tx, request.fields.email, loginClientOf(request)) },
      }),
    },

    confirmForgotPassword: {
      kind: 'immediate',
      checkRateLimit: (tx, address, { session }) => checkRateLimit.recovery(tx, recoverySubject(session, address)),
      async execute({ fields, session }, tx) {
        await recovery.confirm(tx, session.pendingId, fields.code);
        return {};
      },
    },

    finalForgotPassword: prepared({
      checkRateLimit: (tx, address, { session }) => checkRateLimit.recovery(tx, recoverySubject(session, address)),
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

/** Returns the subject of limits per address: a recovery that began has its own. The number of recoveries is limited. */
function recoverySubject({ pendingId }: Pick<Session, 'pendingId'>, address: string): string {
  return pendingId ? `recovery ${Buffer.from(pendingId).toString('hex')}` : address;
}
