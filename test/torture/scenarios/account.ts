import { newPassword, newPerson } from '../../support/people.ts';
import { open, type Suite1Client } from '../../support/suite1Client.ts';
import { type Account, nameOf, passwordOf } from '../account.ts';
import {
  type Actor,
  begin,
  checkLock,
  countAttempts,
  expectOutcome,
  leaveBehind,
  logIn,
  MAX_WRONG_PASSWORDS,
  outcomeOf,
} from '../actor.ts';

/** Names that all actors are after. */
export const TROPHIES = [
  ...['trophy one', 'trophy/two', 'trophy three ü', 'trophy 4%'],
  ...Array.from({ length: 60 }, (_, index) => `trophy ${index + 10}`),
];
const GIVE_UP_CHANCE = 0.2;

/** Changes the name to a new one or to one that others want, too. */
export async function rename(actor: Actor): Promise<void> {
  const { account, names, talk } = actor;
  const former = nameOf(account);
  const wanted = actor.random.chance(0.4) ? actor.random.pick(TROPHIES) : newPerson().username;
  const asked = performance.now();
  if (TROPHIES.includes(wanted)) names.doubt(wanted, account.email);
  if (TROPHIES.includes(former)) names.doubt(former, account.email);
  account.nameEpoch += 1;
  account.usernames = [former, wanted];
  const fields = { new_username: wanted, password: passwordOf(account) };
  const options = { giveUpChance: GIVE_UP_CHANCE, ...countAttempts(account) };
  const answer = await talk.request(actor.main, '/change_username', fields, options);
  if (!answer) {
    await settleName(actor);
  } else {
    checkLock(actor, account, answer);
    const promise = 'a name is changed with the right password';
    const outcome = expectOutcome(actor, answer, promise, 'done', 'Username is busy');
    account.attempts = 0;
    account.usernames = [outcome === 'done' ? wanted : former];
    if (outcome === 'done') actor.oracle.count('renames');
    else if (TROPHIES.includes(wanted)) names.refused(wanted, account.email, asked);
  }
  tellName(actor);
}

/** The name is known again: whoever waited for that may rely on it. */
function tellName({ account, names }: Actor): void {
  for (const name of names.doubted(account.email)) names.settle(name, account.email, nameOf(account) === name);
  account.nameEpoch += account.nameEpoch % 2;
}

/** Finds out which of the possible names the account has, once nothing can change it any more. */
export async function settleName(actor: Actor): Promise<void> {
  const { account } = actor;
  await leaveBehind(actor, actor.main);
  // The account decrypts messages for its former names, too.
  const answer = await actor.talk.insist(actor.main, '/account', {});
  const { username = '' } = answer.body as { username?: string };
  const name = answer.keys && username && open(answer.keys.aesKey, username);
  if (name === undefined || !account.usernames.includes(name)) {
    return actor.talk.broken('an account has its old name or the new one', account.usernames.join(' or '));
  }
  account.usernames = [name];
  tellName(actor);
}

/** Changes the password, which ends the account's other sessions. */
export async function changePassword(actor: Actor): Promise<void> {
  const { account, talk } = actor;
  const former = passwordOf(account);
  const next = newPassword();
  account.passwords = [next, former];
  const fields = { password: former, new_password: next };
  const options = { giveUpChance: GIVE_UP_CHANCE, ...countAttempts(account) };
  const answer = await talk.request(actor.main, '/change_password', fields, options);
  if (!answer) {
    await leaveBehind(actor, actor.main);
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

/** Finds out which of the possible passwords is the account's, once nothing can change it any more. */
export async function settlePassword(actor: Actor): Promise<void> {
  const { account, talk } = actor;
  const client = await talk.handshake();
  for (const password of account.passwords) {
    const fields = { email: account.email, password };
    const answer = await talk.insist(client, '/login_user', fields, countAttempts(account));
    checkLock(actor, account, answer);
    if (expectOutcome(actor, answer, 'a login is answered', 'done', 'Password is wrong') !== 'done') continue;
    // A copy of the request that was given up may have been counted only now.
    account.attempts = 1;
    account.passwords = [password];
    return;
  }
  talk.broken('an account has its old password or the new one', account.email);
}

/** The spare session was ended by a new password. */
export async function endSpare(actor: Actor): Promise<void> {
  const ended = actor.spare;
  actor.spare = undefined;
  if (ended) await expectEnded(actor, ended);
}

export async function expectEnded(actor: Actor, client: Suite1Client): Promise<void> {
  const [name] = actor.account.usernames;
  const path = `/encrypt/${encodeURIComponent(name ?? '')}`;
  const answer = await actor.talk.insist(client, path, { message: 'x' }, { mayBeOver: true });
  actor.oracle.count('checks');
  if (answer.status === 404 || outcomeOf(answer) === 'No authorization') return;
  actor.talk.broken('a new password ends the other sessions', `${answer.status} ${outcomeOf(answer)}`);
}

export async function logInSpare(actor: Actor): Promise<void> {
  actor.spare = await logIn(actor, actor.account);
}

/** Logs in anew and forgets the session so far. */
export async function logInAnew(actor: Actor): Promise<void> {
  actor.main = await logIn(actor, actor.account);
}

/** Wrong passwords, as many as do not lock, then the right one, in one session. */
export async function mistype(actor: Actor): Promise<void> {
  const { account, random, talk } = actor;
  const client = await talk.handshake();
  for (let mistakes = random.integer(1, MAX_WRONG_PASSWORDS - 1); mistakes > 0; mistakes--) {
    const attempt = { email: account.email, password: account.formerPassword ?? newPassword() };
    const refused = await talk.insist(client, '/login_user', attempt, countAttempts(account));
    checkLock(actor, account, refused);
    expectOutcome(actor, refused, 'a wrong password is refused', 'Password is wrong');
  }
  const right = { email: account.email, password: passwordOf(account) };
  const answer = await talk.insist(client, '/login_user', right, countAttempts(account));
  checkLock(actor, account, answer);
  expectOutcome(actor, answer, 'an acknowledged account and password log in', 'done');
  account.attempts = 0;
  actor.oracle.count('logins');
}

/** Begins a new account; the one so far must stay as it is. */
export async function moveOn(actor: Actor): Promise<void> {
  const former: Account = actor.account;
  if (TROPHIES.includes(nameOf(former))) return;
  await begin(actor);
  actor.retired.push(former);
}
