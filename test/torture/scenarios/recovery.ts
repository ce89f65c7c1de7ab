// Scenario: account recovery.
import { setTimeout as delay } from 'node:timers/promises';
import { newPassword } from '../../support/people.ts';
import type { Suite1Client } from '../../support/suite1Client.ts';
import { type Actor, abandonSession, expectOutcome, logIn } from '../actor.ts';
import { expectEnded, settlePassword } from './account.ts';

const GIVE_UP_CHANCE = 0.1;
const MAX_CODES = 5;
const WRONG_CODE = 'AAAAAA';
const POLL_INTERVAL_MS = 25;
/** An email interrupted by a crash arrives two minutes later; actors do not wait for it. */
const MAIL_TIMEOUT_MS = 6_000;

/** Recovers the account by the code in the email. */
export async function recover(actor: Actor): Promise<void> {
  const { account, client, sortedMails } = actor;
  const before = sortedMails.mailsTo(account.email).length;
  const allArrived = before === account.mails.asked && account.mails.maybe === 0;
  const session = await client.handshake();
  const options = { giveUpChance: GIVE_UP_CHANCE };
  const forgot = await client.request(session, '/forgot_password', { email: account.email }, options);
  if (!forgot) {
    account.mails.maybe += 1;
    await abandonSession(actor, session);
    return;
  }
  account.mails.asked += 1;
  expectOutcome(actor, forgot, 'a recovery can be started', 'done');
  if (!(await confirm(actor, session, before, allArrived))) return;
  await setPassword(actor, session);
}

/** @returns false if the email did not arrive in time */
async function confirm(actor: Actor, session: Suite1Client, before: number, allArrived: boolean): Promise<boolean> {
  const { account, client, sortedMails } = actor;
  let tries = 0;
  const refused = ['Invalid code', 'Invalid session'];
  if (actor.random.chance(0.2)) {
    const answer = await client.requestUntilResponse(session, '/confirm_forgot_password', { code: WRONG_CODE });
    expectOutcome(actor, answer, 'a wrong code is refused', ...refused);
    tries += 1;
  }
  const deadline = performance.now() + MAIL_TIMEOUT_MS;
  for (let next = before; tries < MAX_CODES && performance.now() < deadline && !actor.stopping(); ) {
    const mail = sortedMails.mailsTo(account.email)[next];
    if (!mail) {
      await delay(POLL_INTERVAL_MS);
      continue;
    }
    const answer = await client.requestUntilResponse(session, '/confirm_forgot_password', { code: mail.code });
    const guarantee = 'the code in the mail is accepted';
    // An email delayed by an earlier crash may arrive first.
    const outcome = expectOutcome(actor, answer, guarantee, 'done', ...(allArrived ? [] : refused));
    if (outcome === 'done') return true;
    next += 1;
    tries += 1;
  }
  return false;
}

async function setPassword(actor: Actor, session: Suite1Client): Promise<void> {
  const { account, client } = actor;
  const former = account.passwords;
  const next = newPassword();
  account.passwords = [next, ...former];
  const options = { giveUpChance: GIVE_UP_CHANCE };
  const answer = await client.request(session, '/final_forgot_password', { new_password: next }, options);
  if (answer) {
    expectOutcome(actor, answer, 'a confirmed recovery sets the password once', 'done');
    account.passwords = [next];
    account.attempts = 0;
  } else {
    await abandonSession(actor, session);
    await settlePassword(actor);
  }
  if (account.passwords[0] !== next) return;
  account.formerPassword = former[0];
  actor.oracle.count('recoveries');
  const ended = [actor.main, actor.spare];
  actor.spare = undefined;
  actor.main = await logIn(actor, account);
  for (const session of ended) if (session) await expectEnded(actor, session);
}
