// The loop of an actor: random scenarios, and checks after restarts and at the end.
import { type Account, passwordOf } from './account.ts';
import { type Actor, begin, checkLock, countAttempts, expectOutcome, Locked, logIn } from './actor.ts';
import { Violation } from './retryingClient.ts';
import { changePassword, logInAgain, logInSpare, mistype, moveOn, rename, settleName } from './scenarios/account.ts';
import { exceedHandshakes, guessPasswords } from './scenarios/limits.ts';
import { checkMessage, checkName, encryptForPeer, encryptForSelf, readMessage } from './scenarios/messages.ts';
import { raceOpens } from './scenarios/opens.ts';
import { raceMessages, racePasswords, raceRegistrations, raceRenames, raceSessions } from './scenarios/races.ts';
import { recover } from './scenarios/recovery.ts';

const SCENARIOS: Readonly<Record<string, { weight: number; run: (actor: Actor) => Promise<void> }>> = {
  'encrypt for oneself': { weight: 20, run: (actor) => encryptForSelf(actor) },
  'encrypt for another actor': { weight: 12, run: encryptForPeer },
  'read a message': { weight: 20, run: readMessage },
  rename: { weight: 10, run: rename },
  'change the password': { weight: 5, run: changePassword },
  recover: { weight: 7, run: recover },
  'log in again': { weight: 4, run: logInAgain },
  mistype: { weight: 3, run: mistype },
  'guess passwords at once': { weight: 1, run: guessPasswords },
  'exceed a limit': { weight: 1, run: exceedHandshakes },
  'use the spare session': { weight: 6, run: useSpare },
  'begin a new account': { weight: 3, run: moveOn },
  'messages at once': { weight: 5, run: raceMessages },
  'opens at once': { weight: 3, run: raceOpens },
  'renames at once': { weight: 2, run: raceRenames },
  'passwords at once': { weight: 2, run: racePasswords },
  'passwords at once in two sessions': { weight: 2, run: raceSessions },
  'registrations at once': { weight: 2, run: raceRegistrations },
};
const WEIGHTS = Object.fromEntries(Object.entries(SCENARIOS).map(([name, { weight }]) => [name, weight]));

/** Runs random scenarios until the run stops, and checks the promises after each restart of a server. */
export async function actorLoop(actor: Actor, restarts: () => number): Promise<void> {
  let seen = restarts();
  let locked = false;
  while (!actor.stopping()) {
    try {
      if (!actor.begun) await begin(actor);
      actor.begun = true;
      if (seen !== restarts()) {
        seen = restarts();
        await checkSessions(actor);
      }
      if (locked || isUnsettled(actor.account)) {
        locked = false;
        await unlock(actor);
        continue;
      }
      const name = actor.random.weighted(WEIGHTS);
      actor.oracle.note(actor.name, name);
      await SCENARIOS[name]?.run(actor);
    } catch (error) {
      if (error instanceof Locked) locked = true;
      else if (!(error instanceof Violation)) throw error;
      // The violated guarantee has been reported; the actor starts over.
      else actor.begun = false;
    }
  }
}

async function useSpare(actor: Actor): Promise<void> {
  if (!actor.spare) await logInSpare(actor);
  else await encryptForSelf(actor, actor.spare);
}

async function unlock(actor: Actor): Promise<void> {
  await recover(actor);
  if (actor.account.usernames.length > 1) await settleName(actor);
}

/** Returns true if a lock kept the actor from settling the account's name or password. */
function isUnsettled({ usernames, passwords }: Account): boolean {
  return usernames.length > 1 || passwords.length > 1;
}

/** Checks that both sessions continue without a login and the account is unchanged. */
export async function checkSessions(actor: Actor): Promise<void> {
  if (isUnsettled(actor.account)) return;
  await checkName(actor, actor.main, actor.account);
  if (actor.spare) await checkName(actor, actor.spare, actor.account);
  await readMessage(actor);
  await logIn(actor, actor.account);
}

/** Checks everything acknowledged for an account: password, name, messages, and that the former password is void. */
export async function checkAccount(actor: Actor, account: Account): Promise<void> {
  if (isUnsettled(account)) return;
  const session = await actor.client.handshake();
  if (account.formerPassword !== undefined) {
    const fields = { email: account.email, password: account.formerPassword };
    const refused = await actor.client.requestUntilResponse(session, '/login_user', fields, countAttempts(account));
    checkLock(actor, account, refused);
    expectOutcome(actor, refused, 'a replaced password is void', 'Password is wrong');
  }
  const fields = { email: account.email, password: passwordOf(account) };
  const answer = await actor.client.requestUntilResponse(session, '/login_user', fields, countAttempts(account));
  checkLock(actor, account, answer);
  expectOutcome(actor, answer, 'an acknowledged account and password log in', 'done');
  account.attempts = 0;
  await checkName(actor, session, account);
  for (const message of account.messages) await checkMessage(actor, session, account, message);
}

/** Final check of all accounts and sessions of an actor. Continues after a violated guarantee. */
export async function checkEverything(actor: Actor): Promise<void> {
  const checks = [
    () => checkSessions(actor),
    ...[actor.account, ...actor.retired].map((account) => () => checkAccount(actor, account)),
  ];
  for (const check of checks) {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof Violation || error instanceof Locked)) throw error;
    }
  }
}
