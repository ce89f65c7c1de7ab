// Handlers of the endpoints of accounts: registration, login, changes of name and password.

import { Problem } from '../../protocol/problems.ts';
import { SUITE2 } from '../../protocol/suite2.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { ClientInfo, KnownClients } from '../accounts/knownClients.ts';
import type { PendingRegistrations } from '../accounts/pendingRegistrations.ts';
import type { Invites } from '../accounts/registration.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type HandlerRequest, type Handlers, type LimitedRequest, prepared } from '../sessions/handler.ts';
import type { UserSessions } from '../sessions/list.ts';
import type { Session } from '../sessions/session.ts';
import type { Transaction } from '../store/store.ts';

export interface AccountHandlersDependencies {
  readonly accounts: Accounts;
  readonly invites: Pick<Invites, 'check' | 'consume'>;
  readonly sessions: Pick<UserSessions, 'makeRoom'>;
  readonly clients: Pick<KnownClients, 'limitSubject'>;
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
  clients,
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
      checkRateLimit: async (tx, address, request) =>
        checkRateLimit.passwordCheck(tx, await deviceSubject(clients, tx, address, request)),
      prepare: (request) =>
        accounts.prepareLogin(request.fields.email, request.fields.password, loginClientOf(request)),
      async execute(request, tx, verified) {
        const userId = await accounts.logIn(tx, verified, loginClientOf(request));
        await sessions.makeRoom(tx, userId, request.session);
        return { session: { userId }, ...withToken(await accounts.rememberClient(tx, userId, loginClientOf(request))) };
      },
    }),

    changeUsername: prepared({
      checkRateLimit: (tx, address, { session }) => checkRateLimit.passwordCheck(tx, sessionSubject(session, address)),
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
      checkRateLimit: (tx, address, { session }) => checkRateLimit.passwordCheck(tx, sessionSubject(session, address)),
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

/** Returns the subject of limits per address: the user of a logged-in session has their own. */
export function sessionSubject({ userId }: Pick<Session, 'userId'>, address: string): string {
  return userId ? `user ${Buffer.from(userId).toString('hex')}` : address;
}

/** Returns the subject of limits per address for a request that may have a device token. */
export async function deviceSubject(
  clients: Pick<KnownClients, 'limitSubject'>,
  tx: Transaction,
  address: string,
  { session: { suite }, fields }: LimitedRequest,
): Promise<string> {
  if (fields instanceof Problem) return address;
  return clients.limitSubject(tx, fields.email ?? '', { address, suite, deviceToken: fields.device_token });
}

function withToken(deviceToken: string | undefined) {
  return deviceToken === undefined ? {} : { response: { device_token: deviceToken } };
}
