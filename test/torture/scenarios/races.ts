import { newPassword, newPerson } from '../../support/people.ts';
import { nameOf, newAccount, passwordOf } from '../account.ts';
import { type Actor, checkLock, countAttempts, logIn, outcomeOf, uniqueText } from '../actor.ts';
import { endSpare, settleName, TROPHIES } from './account.ts';
import { writeToOneself } from './messages.ts';

/** Several requests at once on one step: all are answered, one branch goes on, the others end. */
export async function raceMessages(actor: Actor): Promise<void> {
  const { random, talk, oracle } = actor;
  oracle.count('races');
  const path = `/encrypt/${encodeURIComponent(nameOf(actor.account))}`;
  const branches = Array.from({ length: random.integer(2, 4) }, () => actor.main.fork());
  const answers = await Promise.all(branches.map((branch) => talk.insist(branch, path, { message: uniqueText() })));
  for (const answer of answers) {
    if (answer.message === undefined) talk.broken('requests at once are all answered', outcomeOf(answer));
  }
  const chosen = random.pick(branches);
  actor.main = chosen;
  await writeToOneself(actor);
  const left = random.pick(branches.filter((branch) => branch !== chosen));
  const late = await talk.insist(left, path, { message: uniqueText() }, { mayBeOver: true });
  oracle.count('checks');
  if (late.status !== 404) talk.broken('a step that was left behind is void', `${late.status} ${outcomeOf(late)}`);
}

/** Two names at once in one session: both are acknowledged, one is the last. */
export async function raceRenames(actor: Actor): Promise<void> {
  const { account, random, talk, oracle } = actor;
  oracle.count('races');
  const former = nameOf(account);
  const wanted = [newPerson().username, newPerson().username];
  if (TROPHIES.includes(former)) return;
  account.nameEpoch += 1;
  account.usernames = [...wanted, former];
  const branches = wanted.map((name) => ({ name, client: actor.main.fork() }));
  const answers = await Promise.all(
    branches.map(({ name, client }) => {
      const fields = { new_username: name, password: passwordOf(account) };
      return talk.insist(client, '/change_username', fields, countAttempts(account));
    }),
  );
  for (const answer of answers) checkLock(actor, account, answer);
  if (answers.some((answer) => outcomeOf(answer) !== 'done')) {
    talk.broken('two names at once are both acknowledged', answers.map(outcomeOf).join(', '));
  }
  account.attempts = 0;
  oracle.count('renames', 2);
  actor.main = random.pick(branches).client;
  account.usernames = wanted;
  await settleName(actor);
}

/** Two new passwords at once in one session: one wins, and the other one's old password is wrong by then. */
export async function racePasswords(actor: Actor): Promise<void> {
  const { account, talk, oracle } = actor;
  oracle.count('races');
  const former = passwordOf(account);
  const branches = [newPassword(), newPassword()].map((password) => ({ password, client: actor.main.fork() }));
  account.passwords = [...branches.map(({ password }) => password), former];
  const answers = await Promise.all(
    branches.map(({ password, client }) => {
      const fields = { password: former, new_password: password };
      return talk.insist(client, '/change_password', fields, countAttempts(account));
    }),
  );
  if (answers.every((answer) => answer.status === 202)) account.passwords = [former];
  for (const answer of answers) checkLock(actor, account, answer);
  const outcomes = answers.map(outcomeOf);
  const winners = branches.filter((_, index) => outcomes[index] === 'done');
  const [winner] = winners;
  if (!winner || winners.length !== 1) {
    return talk.broken('of two new passwords at once one is set', outcomes.join(', '));
  }
  // The other one may have been counted as wrong after the winner was found right: the attempts stay.
  account.passwords = [winner.password];
  account.formerPassword = former;
  oracle.count('password changes');
  actor.main = winner.client;
  await endSpare(actor);
}

/** Two new passwords at once in two sessions: one wins, and ends the other one's session. */
export async function raceSessions(actor: Actor): Promise<void> {
  const { account, talk, oracle } = actor;
  const other = await logIn(actor, account);
  oracle.count('races');
  const former = passwordOf(account);
  const branches = [actor.main, other].map((client) => ({ client, password: newPassword() }));
  account.passwords = [...branches.map(({ password }) => password), former];
  const answers = await Promise.all(
    branches.map(({ password, client }) => {
      const fields = { password: former, new_password: password };
      return talk.insist(client, '/change_password', fields, { ...countAttempts(account), mayBeOver: true });
    }),
  );
  const statuses = answers.map(({ status }) => status);
  if (statuses.every((status) => status === 202)) account.passwords = [former];
  for (const answer of answers) checkLock(actor, account, answer);
  const winner = branches[statuses.indexOf(200)];
  if (!winner || statuses.toSorted().join() !== '200,404') {
    const told = answers.map((answer) => `${answer.status} ${outcomeOf(answer)}`).join(', ');
    return talk.broken('of two sessions that set a password at once one goes on', told);
  }
  // The other one may have been counted as wrong after the winner was found right: the attempts stay.
  account.passwords = [winner.password];
  account.formerPassword = former;
  oracle.count('password changes');
  actor.main = winner.client;
  await endSpare(actor);
}

/** The same name or address is registered twice at once, in two sessions: one gets it. */
export async function raceRegistrations(actor: Actor): Promise<void> {
  const { random, retired, talk, oracle } = actor;
  oracle.count('races');
  const first = newPerson();
  const sameName = random.chance(0.5);
  const second = sameName ? newPerson(first.username) : { ...newPerson(), email: first.email };
  const people = [first, second];
  const outcomes = await Promise.all(
    people.map(async (person) => {
      const client = await talk.handshake();
      return outcomeOf(await talk.insist(client, '/register_user', { ...person }));
    }),
  );
  const expected = ['done', sameName ? 'Username is busy' : 'Email is busy'];
  if (outcomes.toSorted().join() !== expected.toSorted().join()) {
    talk.broken('of two registrations at once one gets the name', outcomes.join(', '));
  }
  const winner = people[outcomes.indexOf('done')];
  if (winner) retired.push(newAccount(winner));
  oracle.count('registrations');
}
