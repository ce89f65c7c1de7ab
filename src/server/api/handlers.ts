import { type Endpoint, endpoints } from '../../protocol/endpoints.ts';
import type { Accounts, PreparedPasswordChange, PreparedRegistration, PreparedUsername } from '../accounts/accounts.ts';
import type { VerifiedPassword } from '../accounts/credentials.ts';
import type { PreparedPassword, RecoveryRules } from '../accounts/recovery.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import type { Messages } from '../messages/messages.ts';
import type { UserSessions } from '../sessions/list.ts';
import type { Handler } from '../sessions/session.ts';

/** What is known of a request beside its sealed fields. */
export interface RequestContext {
  /** Whom the limits per address are for. */
  readonly address: string;
  /** The names that the last segment of the path may mean. */
  readonly recipientNames: readonly string[];
}

export interface HandlerDependencies {
  readonly accounts: Accounts;
  readonly recovery: RecoveryRules;
  readonly messages: Messages;
  readonly sessions: UserSessions;
  readonly checkRateLimit: {
    readonly registration: RateLimitCheck;
    readonly passwordCheck: RateLimitCheck;
    readonly recovery: RateLimitCheck;
  };
}

/** An endpoint and what it does for one request. */
export interface SealedRoute<E extends Endpoint = Endpoint, Prepared = unknown> {
  readonly endpoint: E;
  readonly handle: (context: RequestContext) => Handler<E, Prepared>;
}

/** Every endpoint that speaks inside a session, with the rule behind it. */
export function createSealedRoutes({
  accounts,
  recovery,
  messages,
  sessions,
  checkRateLimit,
}: HandlerDependencies): SealedRoute[] {
  return [
    route(
      endpoints.registerUser,
      ({ address }): Handler<typeof endpoints.registerUser, PreparedRegistration> => ({
        checkRateLimit: (tx) => checkRateLimit.registration(tx, address),
        prepare: ({ fields }) => accounts.prepareRegistration(fields.username, fields.email, fields.password),
        execute: async ({ session }, tx, prepared) => ({
          session: { userId: await accounts.register(tx, prepared, session.suite) },
        }),
      }),
    ),

    route(
      endpoints.loginUser,
      ({ address }): Handler<typeof endpoints.loginUser, VerifiedPassword> => ({
        checkRateLimit: (tx) => checkRateLimit.passwordCheck(tx, address),
        prepare: ({ fields }) => accounts.prepareLogin(fields.email, fields.password),
        execute: async ({ session }, tx, verified) => ({
          session: { userId: await accounts.logIn(tx, verified, session.suite) },
        }),
      }),
    ),

    route(endpoints.encrypt, ({ recipientNames }) => ({
      execute: async ({ fields, session }, tx) => {
        const names = fields.username === undefined ? recipientNames : [fields.username];
        return { answer: { message: await messages.encrypt(tx, session.userId, names, fields.message) } };
      },
    })),

    route(endpoints.decrypt, () => ({
      execute: async ({ fields, session }, tx) => {
        const options = { repairLastCharacter: session.suite === 1 };
        const { text, senderId, sentAt } = await messages.decrypt(tx, session.userId, fields.message, options);
        if (session.suite === 1) return { answer: { message: text } };
        const sender = (await accounts.findName(tx, senderId)) ?? null;
        return { answer: { message: text, sender, sent_at: sentAt } };
      },
    })),

    route(
      endpoints.changeUsername,
      ({ address }): Handler<typeof endpoints.changeUsername, PreparedUsername> => ({
        checkRateLimit: (tx) => checkRateLimit.passwordCheck(tx, address),
        prepare: ({ fields, session }) =>
          accounts.prepareUsernameChange(session.userId, fields.new_username, fields.password),
        execute: async (_, tx, prepared) => {
          await accounts.changeUsername(tx, prepared);
          return {};
        },
      }),
    ),

    route(
      endpoints.changePassword,
      ({ address }): Handler<typeof endpoints.changePassword, PreparedPasswordChange> => ({
        checkRateLimit: (tx) => checkRateLimit.passwordCheck(tx, address),
        prepare: ({ fields, session }) =>
          accounts.preparePasswordChange(session.userId, fields.password, fields.new_password),
        execute: async ({ session }, tx, prepared) => {
          await accounts.changePassword(tx, session.id, prepared);
          return {};
        },
      }),
    ),

    route(endpoints.forgotPassword, ({ address }) => ({
      checkRateLimit: (tx) => checkRateLimit.recovery(tx, address),
      execute: async ({ fields }, tx) => ({ session: { recoveryId: await recovery.begin(tx, fields.email) } }),
    })),

    route(endpoints.confirmForgotPassword, ({ address }) => ({
      checkRateLimit: (tx) => checkRateLimit.recovery(tx, address),
      execute: async ({ fields, session }, tx) => {
        await recovery.confirm(tx, session.recoveryId, fields.code);
        return {};
      },
    })),

    route(
      endpoints.finalForgotPassword,
      ({ address }): Handler<typeof endpoints.finalForgotPassword, PreparedPassword> => ({
        checkRateLimit: (tx) => checkRateLimit.recovery(tx, address),
        prepare: ({ fields, session }) => recovery.prepareFinish(session.recoveryId, fields.new_password),
        execute: async ({ session }, tx, prepared) => {
          await recovery.finish(tx, session.recoveryId, session.id, prepared);
          return { session: { recoveryId: null } };
        },
      }),
    ),

    route(endpoints.account, () => ({
      execute: async ({ session }, tx) => ({ answer: await accounts.show(tx, session.userId) }),
    })),

    route(endpoints.listSessions, () => ({
      execute: async ({ session }, tx) => ({ answer: { sessions: await sessions.list(tx, session) } }),
    })),

    route(endpoints.endSession, () => ({
      execute: async ({ fields, session }, tx) => {
        await sessions.end(tx, session, fields.session);
        return {};
      },
    })),

    route(endpoints.endOtherSessions, () => ({
      execute: async ({ session }, tx) => {
        await sessions.endOthers(tx, session);
        return {};
      },
    })),

    route(endpoints.logOut, () => ({
      execute: async ({ session }, tx) => {
        await sessions.logOut(tx, session);
        return { session: { userId: null, recoveryId: null } };
      },
    })),
  ];
}

/** Ties a handler to the fields of its endpoint, then forgets which endpoint it was. */
function route<E extends Endpoint, Prepared>(
  endpoint: E,
  handle: (context: RequestContext) => Handler<E, Prepared>,
): SealedRoute {
  return { endpoint, handle: handle as unknown as SealedRoute['handle'] };
}
