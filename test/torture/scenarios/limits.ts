// Scenarios: account lock and rate limits.
import { newPassword } from '../../support/people.ts';
import { type Actor, countAttempts, expectOutcome, Locked, MAX_WRONG_PASSWORDS } from '../actor.ts';
import { newAddress } from '../retryingClient.ts';

/** Limit of handshakes from one address in a minute, as set for the servers of the run. */
export const MAX_HANDSHAKES = 20;
const HANDSHAKES = MAX_HANDSHAKES + 10;
const GUESSES = 8;
const MINUTE_MS = 60_000;

/** Gives more wrong passwords at once than lock, each in its own session: five are checked, the others find the lock. */
export async function guessPasswords(actor: Actor): Promise<void> {
  const { account, client, oracle } = actor;
  const statuses = await Promise.all(
    Array.from({ length: GUESSES }, async () => {
      const session = await client.handshake();
      const fields = { email: account.email, password: newPassword() };
      const answer = await client.requestUntilResponse(session, '/login_user', fields, countAttempts(account));
      if (answer.status !== 202) expectOutcome(actor, answer, 'a wrong password is refused', 'Password is wrong');
      return answer.status;
    }),
  );
  const checked = statuses.filter((status) => status !== 202).length;
  oracle.count('checks');
  if (checked > MAX_WRONG_PASSWORDS) {
    client.reportViolation('five wrong passwords lock, even at once', `${checked} of ${GUESSES} were checked`);
  }
  // Each unchecked one found five counted before it: of these, or of those that may have been counted earlier.
  const leastChecked = MAX_WRONG_PASSWORDS - (account.attempts - GUESSES);
  if (checked < leastChecked) {
    client.reportViolation(
      'a wrong password counts once',
      `${checked} of ${GUESSES} were checked, not ${leastChecked}`,
    );
  }
  oracle.count('locks');
  throw new Locked('by guessing');
}

/** Sends more handshakes at once from one address than the limit allows in a minute. */
export async function exceedHandshakes(actor: Actor): Promise<void> {
  const { random, client, oracle } = actor;
  const address = newAddress(random);
  const minute = () => Math.floor(Date.now() / MINUTE_MS);
  const first = minute();
  const trials = await Promise.all(Array.from({ length: HANDSHAKES }, () => client.tryHandshake(address)));
  const minutes = minute() - first + 1;
  const admitted = trials.filter(({ status }) => status === 200).length;
  const refused = trials.filter(({ status }) => status === 429).length;
  oracle.count('limits tried');
  oracle.count('checks');
  if (admitted > MAX_HANDSHAKES * minutes) {
    client.reportViolation('a limit holds', `${admitted} handshakes were admitted, not ${MAX_HANDSHAKES} in a minute`);
  }
  const copies = trials.reduce((sum, trial) => sum + trial.copies, 0);
  if (refused > 0 && copies - refused < MAX_HANDSHAKES) {
    client.reportViolation(
      'a limit does not refuse before it is reached',
      `${refused} of ${copies} handshakes were refused`,
    );
  }
}
