// Handlers of the endpoints of accounts: registration, login, changes of name and password.

import { SUITE2 } from '../../protocol/suite2.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { ClientInfo } from '../accounts/knownClients.ts';
import type { PendingRegistrations } from '../accounts/pendingRegistrations.ts';
import type { Invites } from '../accounts/registration.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type HandlerRequest, type Handlers, prepared } from '../sessions/handler.ts';
import type { UserSessions } from '../sessions/list.ts';

export interface AccountHandlersDependencies {
  readonly accounts: Accounts;
  readonly invites: Pick<Invites, 'check' | 'consume'>;
  readonly sessions: Pick<UserSessions, 'makeRoom'>;
  readonly registrations: Pick<PendingRegistrations, 'begin' | 'confirm'>;
  readonly checkRateLimit: {
    readonly registration: RateLimitCheck;
    readonly passwordCheck: RateLimitCheck;
    readonly mails: RateLimitCheck;
  };
}

export function createAccountHandlers({
  accounts,
  invites,
  registrations,
  sessions,
  checkRateLimit,
}: AccountHandlersDependencies): Pick<
  Handlers,
  'registerUser' | 'confirmRegistration' | 'loginUser' | 'changeUsername' | 'changePassword' | 'account'
> {
  return {
    registerUser: prepared({
      checkRateLimit: checkRateLimit.registration,
      async prepare(request) {
        const { username, email, password, invite } = request.fields;
        await invites.check(invite);
        return accounts.prepareRegistration(username, email, password, clientOf(request));
      },
      async execute(request, tx, registration) {
        const { fields, session, address } = request;
        if (session.suite >= SUITE2) {
          await checkRateLimit.mails(tx, address);
          const pendingId = await registrations.begin(tx, registration, fields.invite, clientOf(request));
          return { session: { pendingId }, response: { next: 'confirm_email' } };
        }
        const userId = await accounts.register(tx, registration, session.suite);
        await invites.consume(tx, fields.invite);
        await accounts.rememberClient(tx, userId, clientOf(request));
        return { session: { userId } };
      },
    }),

    confirmRegistration: {
      kind: 'immediate',
      checkRateLimit: checkRateLimit.passwordCheck,
      async execute(request, tx) {
        const { pendingId, suite } = request.session;
        const { userId, email } = await registrations.confirm(tx, pendingId, request.fields.code, suite);
        const device_token = await accounts.rememberClient(tx, userId, clientOf(request));
        return { session: { userId, pendingId: null }, response: { email, device_token } };
      },
    },

    loginUser: prepared({
      checkRateLimit: checkRateLimit.passwordCheck,
      prepare: (request) =>
        accounts.prepareLogin(request.fields.email, request.fields.password, loginClientOf(request)),
      async execute(request, tx, verified) {
        const userId = await accounts.logIn(tx, verified, loginClientOf(request));
        await sessions.makeRoom(tx, userId, request.session);
        return { session: { userId }, ...withToken(await accounts.rememberClient(tx, userId, loginClientOf(request))) };
      },
    }),

    changeUsername: prepared({
      checkRateLimit: checkRateLimit.passwordCheck,
      prepare: (request) => {
        const { new_username, password } = request.fields;
        return accounts.prepareUsernameChange(request.session.userId, new_username, password, clientOf(request));
      },
      async execute(_request, tx, username) {
        await accounts.changeUsername(tx, username);
        return {};
      },
    }),

    changePassword: prepared({
      checkRateLimit: checkRateLimit.passwordCheck,
      prepare: (request) => {
        const { password, new_password } = request.fields;
        return accounts.preparePasswordChange(request.session.userId, password, new_password, clientOf(request));
      },
      async execute(request, tx, change) {
        await accounts.changePassword(tx, request.session.id, change, clientOf(request));
        return {};
      },
    }),

    account: {
      kind: 'immediate',
      execute: async ({ session }, tx) => ({ response: await accounts.show(tx, session.userId) }),
    },
  };
}

/** Describes the client of a request, without a device token. */
export function clientOf({
  address,
  session,
  claimAttempt,
}: Pick<HandlerRequest, 'address' | 'session' | 'claimAttempt'>): ClientInfo {
  return { address, suite: session.suite, ...(claimAttempt && { claimAttempt }) };
}

/** Describes the client of a request that may have a device token. */
export function loginClientOf(
  request: Pick<HandlerRequest, 'address' | 'session' | 'claimAttempt'> & {
    readonly fields: { readonly device_token?: string };
  },
): ClientInfo {
  return { ...clientOf(request), deviceToken: request.fields.device_token };
}

function withToken(deviceToken: string | undefined) {
  return deviceToken === undefined ? {} : { response: { device_token: deviceToken } };
}
