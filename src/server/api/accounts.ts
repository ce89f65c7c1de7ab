// Handlers of the endpoints of accounts: registration, login, changes of name and password.
import type { Accounts } from '../accounts/accounts.ts';
import type { Invites } from '../accounts/registration.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type Handlers, prepared } from '../sessions/handler.ts';
import type { UserSessions } from '../sessions/list.ts';

export interface AccountHandlersDependencies {
  readonly accounts: Accounts;
  readonly invites: Pick<Invites, 'check' | 'consume'>;
  readonly sessions: Pick<UserSessions, 'makeRoom'>;
  readonly checkRateLimit: { readonly registration: RateLimitCheck; readonly passwordCheck: RateLimitCheck };
}

export function createAccountHandlers({
  accounts,
  invites,
  sessions,
  checkRateLimit,
}: AccountHandlersDependencies): Pick<
  Handlers,
  'registerUser' | 'loginUser' | 'changeUsername' | 'changePassword' | 'account'
> {
  return {
    registerUser: prepared({
      checkRateLimit: checkRateLimit.registration,
      async prepare({ fields }) {
        await invites.check(fields.invite);
        return accounts.prepareRegistration(fields.username, fields.email, fields.password);
      },
      async execute({ fields, session }, tx, registration) {
        const userId = await accounts.register(tx, registration, session.suite);
        await invites.consume(tx, fields.invite);
        return { session: { userId } };
      },
    }),

    loginUser: prepared({
      checkRateLimit: checkRateLimit.passwordCheck,
      prepare: ({ fields }) => accounts.prepareLogin(fields.email, fields.password),
      async execute({ session, address }, tx, verified) {
        const userId = await accounts.logIn(tx, verified, session.suite, address);
        await sessions.makeRoom(tx, userId, session);
        return { session: { userId } };
      },
    }),

    changeUsername: prepared({
      checkRateLimit: checkRateLimit.passwordCheck,
      prepare: ({ fields, session }) =>
        accounts.prepareUsernameChange(session.userId, fields.new_username, fields.password),
      async execute(_request, tx, username) {
        await accounts.changeUsername(tx, username);
        return {};
      },
    }),

    changePassword: prepared({
      checkRateLimit: checkRateLimit.passwordCheck,
      prepare: ({ fields, session }) =>
        accounts.preparePasswordChange(session.userId, fields.password, fields.new_password),
      async execute({ session }, tx, change) {
        await accounts.changePassword(tx, session.id, change);
        return {};
      },
    }),

    account: {
      kind: 'immediate',
      execute: async ({ session }, tx) => ({ response: await accounts.show(tx, session.userId) }),
    },
  };
}
