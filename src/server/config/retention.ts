// How long expired rows are kept before the sweeper deletes them.
import { LOCK_RULE } from '../accounts/credentials.ts';
import { KNOWN_CLIENT_LIFETIME_MS } from '../accounts/knownClients.ts';
import { SUITE1_UNUSED_TIMEOUT_MS } from '../sessions/suites/suite1.ts';
import { UNUSED_SESSION_TIMEOUT_MS } from '../sessions/suites/suite2/suite2.ts';
import type { ExpiryTimes } from '../store/expiry.ts';
import type { Config } from './config.ts';

const HOUR_MS = 60 * 60 * 1000;
/** Time for which a returning client learns that its session expired, instead of that it is unknown. */
const EXPIRED_SESSION_MEMORY_MS = HOUR_MS;
/** Time for which a request whose owner crashed or stalled, and that was counted as a password attempt, can be sent again. */
const REQUEST_LOCK_MEMORY_MS = HOUR_MS;
/** The longest window of a rate limit. */
const MAX_RATE_WINDOW_MS = 24 * HOUR_MS;

/** @returns a function from the time of a sweep, in milliseconds since 1970, to what is deleted by it */
export function expiryTimes({
  sessionIdleMs,
  messages,
}: Pick<Config, 'sessionIdleMs'> & { readonly messages: Pick<Config['messages'], 'receiptMs'> }): (
  now: number,
) => ExpiryTimes {
  return (now) => ({
    sessionsUnusedSince: now - sessionIdleMs - EXPIRED_SESSION_MEMORY_MS,
    handshakesUnusedSince: { 1: now - SUITE1_UNUSED_TIMEOUT_MS, 2: now - UNUSED_SESSION_TIMEOUT_MS },
    requestLocksExpiredBy: now - REQUEST_LOCK_MEMORY_MS,
    recoveriesEndedBy: now,
    emailChangesEndedBy: now,
    registrationsEndedBy: now,
    invitesEndedBy: now,
    loginAttemptsBefore: now - LOCK_RULE.memoryMs,
    knownClientsUnusedSince: now - KNOWN_CLIENT_LIFETIME_MS,
    budgetsFullBy: now,
    rateWindowsBefore: now - MAX_RATE_WINDOW_MS,
    kemKeysEndedBy: now,
    messages: { now, endsShownUntil: now - messages.receiptMs },
  });
}
