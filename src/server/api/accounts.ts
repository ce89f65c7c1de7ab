// Handlers of the endpoints of accounts: registration, login, changes of name and password.
import type { Accounts } from '../accounts/accounts.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import { type Handlers, prepared } from '../sessions/handler.ts';

export interface AccountHandlersDependencies {
  readonly accounts: Accounts;
  readonly checkRateLimit: { readonly registration: RateLimitCheck; readonly passwordCheck: RateLimitCheck };
}

export function createAccountHandlers({
  accounts,
  checkRateLimit,
}: AccountHandlersDependencies): Pick<
  Handlers,
  'registerUser' | 'loginUser' | 'changeUsername' | 'changePassword' | 'account'
> {
  return {
    registerUser: prepared({
      checkRateLimit: checkRateLimit.registration,
      prepare: ({ fields }) => accounts.prepareRegistration(fields.username, fields.email, fields.password),
      execute: async ({ session }, tx, registration) => ({
        session: { userId: await accounts.register(tx, registration, session.suite) },
      }),
    }),

    loginUser: prepared({
      checkRateLimit: checkRateLimit.passwordCheck,
      prepare: ({ fields }) => accounts.prepareLogin(fields.email, fields.password),
      execute: async ({ session, address }, tx, verified) => ({
        session: { userId: await accounts.logIn(tx, verified, session.suite, address) },
      }),
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
