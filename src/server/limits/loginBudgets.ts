// The budgets of wrong passwords, recovery codes and emails with codes.
import { Budget } from './budgets.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** The part of the emails and tries of an account or mailbox that one client may use up. */
const CLIENT_SHARE = 1 / 4;

interface LoginRates {
  readonly failedLoginsPerMinute: number;
  readonly failedLoginsPerDay: number;
  readonly recoveryMailsPerHour: number;
}

/**
 * Creates the budgets of logins, recoveries and registrations.
 *
 * @param triesPerMail number of codes that a recovery accepts
 * @param key 32 bytes
 */
export function createLoginBudgets(rates: LoginRates, triesPerMail: number, key: Uint8Array, clock: () => number) {
  const budget = (name: string, max: number, periodMs: number) => new Budget({ name, max, periodMs }, key, clock);
  const perHour = (name: string, max: number) => ({
    ofClient: budget(`${name} of a client`, Math.ceil(max * CLIENT_SHARE), HOUR_MS),
    ofGroup: budget(name, max, HOUR_MS),
  });
  return {
    failures: {
      ofAccount: budget('wrong passwords at an account', rates.failedLoginsPerDay, DAY_MS),
      ofAddress: budget('wrong passwords from an address', rates.failedLoginsPerMinute, MINUTE_MS),
    },
    recovery: {
      mails: {
        ...perHour('recovery mails', rates.recoveryMailsPerHour),
        withoutSharedCode: budget('recovery mails without a shared code', rates.recoveryMailsPerHour, HOUR_MS),
        ofTags: budget('recovery mails to addresses with a tag', rates.recoveryMailsPerHour, HOUR_MS),
        // The address without a tag keeps half of them.
        ofMailbox: budget('recovery mails to a mailbox', 2 * rates.recoveryMailsPerHour, HOUR_MS),
      },
      tries: perHour('recovery tries', rates.recoveryMailsPerHour * triesPerMail),
    },
    // Not that of recoveries: a registration with the address of a user must not keep them from recovering.
    registrationMails: perHour('registration mails', rates.recoveryMailsPerHour),
  };
}
