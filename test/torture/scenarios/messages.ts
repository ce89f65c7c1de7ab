// Scenarios: encrypt and decrypt messages.
import type { Suite1Client } from '../../support/suite1Client.ts';
import { type Account, keepMessage, type Message, nameOf } from '../account.ts';
import { type Actor, decryptAs, encryptFor, uniqueText } from '../actor.ts';

const MAX_REPETITIONS = 1_500;

/** Encrypts for the actor itself and keeps the message. */
export async function encryptForSelf(actor: Actor, session: Suite1Client = actor.main): Promise<void> {
  const long = actor.random.chance(0.1) ? uniqueText().repeat(actor.random.integer(1, MAX_REPETITIONS)) : '';
  const text = uniqueText() + long;
  const name = nameOf(actor.account);
  const ciphertext = await encryptFor(actor, session, name, text);
  if (ciphertext === undefined)
    return actor.client.reportViolation("an acknowledged name is the account's", `no user ${name}`);
  keepMessage(actor.account, { ciphertext, text });
}

/** Encrypts for another actor, whose name may change meanwhile. */
export async function encryptForPeer(actor: Actor): Promise<void> {
  const peer = actor.random.pick(actor.peers());
  const { account } = peer;
  const epoch = account.nameEpoch;
  if (!peer.begun || account.usernames.length !== 1 || epoch % 2 === 1) return;
  const name = nameOf(account);
  const text = uniqueText();
  const ciphertext = await encryptFor(actor, actor.main, name, text);
  const steady = peer.account === account && account.nameEpoch === epoch;
  if (!steady) return;
  if (ciphertext === undefined)
    return actor.client.reportViolation("an acknowledged name is the account's", `no user ${name}`);
  peer.inbox.push({ account, message: { ciphertext, text } });
}

/** Stores received messages and opens one of the account's messages. */
export async function readMessage(actor: Actor): Promise<void> {
  for (const { account, message } of actor.inbox.splice(0)) {
    if (account === actor.account) keepMessage(account, message);
  }
  if (actor.account.messages.length === 0) return;
  await checkMessage(actor, actor.main, actor.account, actor.random.pick(actor.account.messages));
}

export async function checkMessage(
  actor: Actor,
  session: Suite1Client,
  account: Account,
  { ciphertext, text }: Message,
): Promise<void> {
  const opened = await decryptAs(actor, session, ciphertext);
  actor.oracle.count('checks');
  if (opened !== text) {
    actor.client.reportViolation(
      'what was encrypted can be decrypted',
      `${account.email}: ${text.slice(0, 20)}, got ${opened}`,
    );
  }
}

/** Checks that the name belongs to the account: a message for it opens in the account's session. */
export async function checkName(actor: Actor, session: Suite1Client, account: Account): Promise<void> {
  const text = uniqueText();
  const name = nameOf(account);
  const ciphertext = await encryptFor(actor, session, name, text);
  if (ciphertext === undefined)
    return actor.client.reportViolation("an acknowledged name is the account's", `no user ${name}`);
  await checkMessage(actor, session, account, { ciphertext, text });
}
