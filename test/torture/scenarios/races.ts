// Scenarios: simultaneous requests.
import { newPassword, newPerson } from '../../support/people.ts';
import type { Suite1Client } from '../../support/suite1Client.ts';
import { nameOf, newAccount, passwordOf } from '../account.ts';
import { type Actor, checkLock, countAttempts, logIn, outcomeOf, uniqueText } from '../actor.ts';
import { CONTESTED_NAMES, endSpare, settleName } from './account.ts';
import { encryptForSelf } from './messages.ts';

/** Several requests at once on one step: all are answered, one branch continues, the others end. */
export async function raceMessages(actor: Actor): Promise<void> {
  const { random, client, oracle } = actor;
  oracle.count('races');
  const path = `/encrypt/${encodeURIComponent(nameOf(actor.account))}`;
  const branches = Array.from({ length: random.integer(2, 4) }, () => actor.main.fork());
  const answers = await Promise.all(
    branches.map((branch) => client.requestUntilResponse(branch, path, { message: uniqueText() })),
  );
  for (const answer of answers) {
    if (answer.message === undefined)
      client.reportViolation('simultaneous requests are all answered', outcomeOf(answer));
  }
  const chosen = random.pick(branches);
  actor.main = chosen;
  await encryptForSelf(actor);
  const left = random.pick(branches.filter((branch) => branch !== chosen));
  const late = await client.requestUntilResponse(left, path, { message: uniqueText() }, { mayBeOver: true });
  oracle.count('checks');
  if (late.status !== 404) client.reportViolation('an abandoned branch is void', `${late.status} ${outcomeOf(late)}`);
}

/** Two names at once in one session: both are acknowledged, one is the last. */
export async function raceRenames(actor: Actor): Promise<void> {
  const { account, random, client, oracle } = actor;
  oracle.count('races');
  const former = nameOf(account);
  const wanted = [newPerson().username, newPerson().username];
  if (CONTESTED_NAMES.includes(former)) return;
  account.nameEpoch += 1;
  account.usernames = [...wanted, former];
  const branches = wanted.map((name) => ({ name, session: actor.main.fork() }));
  const answers = await Promise.all(
    branches.map(({ name, session }) => {
      const fields = { new_username: name, password: passwordOf(account) };
      return client.requestUntilResponse(session, '/change_username', fields, countAttempts(account));
    }),
  );
  for (const answer of answers) checkLock(actor, account, answer);
  if (answers.some((answer) => outcomeOf(answer) !== 'done')) {
    client.reportViolation('two simultaneous renames are both acknowledged', answers.map(outcomeOf).join(', '));
  }
  account.attempts = 0;
  oracle.count('renames', 2);
  actor.main = random.pick(branches).session;
  account.usernames = wanted;
  await settleName(actor);
}

/** Two new passwords at once in one session: one wins, and the other request's current password is wrong by then. */
export async function racePasswords(actor: Actor): Promise<void> {
  await raceToPassword(actor, [actor.main.fork(), actor.main.fork()], '200 done,201 Password is wrong');
}

/** Two new passwords at once in two sessions: one wins, and ends the other session. */
export async function raceSessions(actor: Actor): Promise<void> {
  await raceToPassword(actor, [actor.main, await logIn(actor, actor.account)], '200 done,404 done');
}

async function raceToPassword(actor: Actor, sessions: Suite1Client[], expected: string): Promise<void> {
  const { account, client, oracle } = actor;
  oracle.count('races');
  const former = passwordOf(account);
  const branches = sessions.map((session) => ({ session, password: newPassword() }));
  account.passwords = [...branches.map(({ password }) => password), former];
  const answers = await Promise.all(
    branches.map(({ password, session }) => {
      const fields = { password: former, new_password: password };
      return client.requestUntilResponse(session, '/change_password', fields, {
        ...countAttempts(account),
        mayBeOver: true,
      });
    }),
  );
  if (answers.every(({ status }) => status === 202)) account.passwords = [former];
  for (const answer of answers) checkLock(actor, account, answer);
  const outcomes = answers.map((answer) => `${answer.status} ${outcomeOf(answer)}`);
  const winner = branches[outcomes.indexOf('200 done')];
  if (!winner || outcomes.toSorted().join() !== expected) {
    return client.reportViolation(
      'one of two simultaneous new passwords is set',
      `${outcomes.join()}, not ${expected}`,
    );
  }
  // The other password may have been counted as wrong after the winner's: the count stays.
  account.passwords = [winner.password];
  account.formerPassword = former;
  oracle.count('password changes');
  actor.main = winner.session;
  await endSpare(actor);
}

/** The same name or address is registered twice at once, in two sessions: one gets it. */
export async function raceRegistrations(actor: Actor): Promise<void> {
  const { random, retired, client, oracle } = actor;
  oracle.count('races');
  const first = newPerson();
  const sameName = random.chance(0.5);
  const second = sameName ? newPerson(first.username) : { ...newPerson(), email: first.email };
  const people = [first, second];
  const outcomes = await Promise.all(
    people.map(async (person) => {
      const session = await client.handshake();
      return outcomeOf(await client.requestUntilResponse(session, '/register_user', { ...person }));
    }),
  );
  const expected = ['done', sameName ? 'Username is busy' : 'Email is busy'];
  if (outcomes.toSorted().join() !== expected.toSorted().join()) {
    client.reportViolation('one of two simultaneous registrations succeeds', outcomes.join(', '));
  }
  const winner = people[outcomes.indexOf('done')];
  if (winner) retired.push(newAccount(winner));
  oracle.count('registrations');
}
