// Scenarios: names, passwords, logins.
import { newPassword, newPerson } from '../../support/people.ts';
import { open, type Suite1Client } from '../../support/suite1Client.ts';
import { type Account, nameOf, passwordOf } from '../account.ts';
import {
  type Actor,
  abandonSession,
  begin,
  checkLock,
  countAttempts,
  expectOutcome,
  logIn,
  MAX_WRONG_PASSWORDS,
  outcomeOf,
} from '../actor.ts';

/** Contested names. A name that an account had stays reserved, so that there are many. */
export const CONTESTED_NAMES = [
  ...['trophy one', 'trophy/two', 'trophy three ü', 'trophy 4%'],
  ...Array.from({ length: 60 }, (_, index) => `trophy ${index + 10}`),
];
const GIVE_UP_CHANCE = 0.2;

/** Changes the name to a new or a contested one. */
export async function rename(actor: Actor): Promise<void> {
  const { account, names, client } = actor;
  const former = nameOf(account);
  const wanted = actor.random.chance(0.4) ? actor.random.pick(CONTESTED_NAMES) : newPerson().username;
  const asked = performance.now();
  if (CONTESTED_NAMES.includes(wanted)) names.markUncertain(wanted, account.email);
  if (CONTESTED_NAMES.includes(former)) names.markUncertain(former, account.email);
  account.nameEpoch += 1;
  account.usernames = [former, wanted];
  const fields = { new_username: wanted, password: passwordOf(account) };
  const options = { giveUpChance: GIVE_UP_CHANCE, ...countAttempts(account) };
  const answer = await client.request(actor.main, '/change_username', fields, options);
  if (!answer) {
    await settleName(actor);
  } else {
    checkLock(actor, account, answer);
    const guarantee = 'a name is changed with the correct password';
    const outcome = expectOutcome(actor, answer, guarantee, 'done', 'Username is busy');
    account.attempts = 0;
    account.usernames = [outcome === 'done' ? wanted : former];
    if (outcome === 'done') actor.oracle.count('renames');
    else if (CONTESTED_NAMES.includes(wanted)) names.refused(wanted, account.email, asked);
  }
  publishName(actor);
}

/** The name is settled: other actors may rely on it. */
function publishName({ account, names }: Actor): void {
  for (const name of names.uncertainNames(account.email)) names.settle(name, account.email, nameOf(account) === name);
  account.nameEpoch += account.nameEpoch % 2;
}

/** Finds out which of the possible names the account has, once no request can change it. */
export async function settleName(actor: Actor): Promise<void> {
  const { account } = actor;
  await abandonSession(actor, actor.main);
  // The account decrypts messages for its former names, too.
  const answer = await actor.client.requestUntilResponse(actor.main, '/account', {});
  const { username = '' } = answer.body as { username?: string };
  const name = answer.keys && username && open(answer.keys.aesKey, username);
  if (name === undefined || !account.usernames.includes(name)) {
    return actor.client.reportViolation('an account has its old name or the new one', account.usernames.join(' or '));
  }
  account.usernames = [name];
  publishName(actor);
}

/** Changes the password, which ends the account's other sessions. */
export async function changePassword(actor: Actor): Promise<void> {
  const { account, client } = actor;
  const former = passwordOf(account);
  const next = newPassword();
  account.passwords = [next, former];
  const fields = { password: former, new_password: next };
  const options = { giveUpChance: GIVE_UP_CHANCE, ...countAttempts(account) };
  const answer = await client.request(actor.main, '/change_password', fields, options);
  if (!answer) {
    await abandonSession(actor, actor.main);
    await settlePassword(actor);
  } else {
    try {
      checkLock(actor, account, answer);
    } catch (error) {
      account.passwords = [former];
      throw error;
    }
    expectOutcome(actor, answer, 'a password is changed once, with the right one', 'done');
    account.attempts = 0;
    account.passwords = [next];
  }
  if (passwordOf(account) === former) return;
  actor.oracle.count('password changes');
  account.formerPassword = former;
  await endSpare(actor);
}

/** Finds out which of the possible passwords the account has, once no request can change it. */
export async function settlePassword(actor: Actor): Promise<void> {
  const { account, client } = actor;
  const session = await client.handshake();
  for (const password of account.passwords) {
    const fields = { email: account.email, password };
    const answer = await client.requestUntilResponse(session, '/login_user', fields, countAttempts(account));
    checkLock(actor, account, answer);
    if (expectOutcome(actor, answer, 'a login is answered', 'done', 'Password is wrong') !== 'done') continue;
    // A copy of the abandoned request may have been counted only now.
    account.attempts = 1;
    account.passwords = [password];
    return;
  }
  client.reportViolation('an account has its old password or the new one', account.email);
}

/** Checks that a new password ended the spare session. */
export async function endSpare(actor: Actor): Promise<void> {
  const ended = actor.spare;
  actor.spare = undefined;
  if (ended) await expectEnded(actor, ended);
}

export async function expectEnded(actor: Actor, session: Suite1Client): Promise<void> {
  const [name] = actor.account.usernames;
  const path = `/encrypt/${encodeURIComponent(name ?? '')}`;
  const answer = await actor.client.requestUntilResponse(session, path, { message: 'x' }, { mayBeOver: true });
  actor.oracle.count('checks');
  if (answer.status === 404 || outcomeOf(answer) === 'No authorization') return;
  actor.client.reportViolation('a new password ends the other sessions', `${answer.status} ${outcomeOf(answer)}`);
}

export async function logInSpare(actor: Actor): Promise<void> {
  actor.spare = await logIn(actor, actor.account);
}

/** Logs in again and discards the previous session. */
export async function logInAgain(actor: Actor): Promise<void> {
  actor.main = await logIn(actor, actor.account);
}

/** Gives fewer wrong passwords than lock, then the right one, in one session. */
export async function mistype(actor: Actor): Promise<void> {
  const { account, random, client } = actor;
  const session = await client.handshake();
  for (let mistakes = random.integer(1, MAX_WRONG_PASSWORDS - 1); mistakes > 0; mistakes--) {
    const attempt = { email: account.email, password: account.formerPassword ?? newPassword() };
    const refused = await client.requestUntilResponse(session, '/login_user', attempt, countAttempts(account));
    checkLock(actor, account, refused);
    expectOutcome(actor, refused, 'a wrong password is refused', 'Password is wrong');
  }
  const right = { email: account.email, password: passwordOf(account) };
  const answer = await client.requestUntilResponse(session, '/login_user', right, countAttempts(account));
  checkLock(actor, account, answer);
  expectOutcome(actor, answer, 'an acknowledged account and password log in', 'done');
  account.attempts = 0;
  actor.oracle.count('logins');
}

/** Registers a new account; the previous one must not change. */
export async function moveOn(actor: Actor): Promise<void> {
  const former: Account = actor.account;
  if (CONTESTED_NAMES.includes(nameOf(former))) return;
  await begin(actor);
  actor.retired.push(former);
}
