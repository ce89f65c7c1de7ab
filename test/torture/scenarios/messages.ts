import type { Suite1Client } from '../../support/suite1Client.ts';
import { type Account, keepLetter, type Letter, nameOf } from '../account.ts';
import { type Actor, decryptAs, encryptFor, uniqueText } from '../actor.ts';

const MAX_REPETITIONS = 1_500;

/** Encrypts for oneself in some session and keeps the letter. */
export async function writeToOneself(actor: Actor, client: Suite1Client = actor.main): Promise<void> {
  const long = actor.random.chance(0.1) ? uniqueText().repeat(actor.random.integer(1, MAX_REPETITIONS)) : '';
  const text = uniqueText() + long;
  const name = nameOf(actor.account);
  const ciphertext = await encryptFor(actor, client, name, text);
  if (ciphertext === undefined) return actor.talk.broken("an acknowledged name is the account's", `no user ${name}`);
  keepLetter(actor.account, { ciphertext, text });
}

/** Encrypts for another actor, whose name may change meanwhile. */
export async function writeToPeer(actor: Actor): Promise<void> {
  const peer = actor.random.pick(actor.peers());
  const { account } = peer;
  const epoch = account.nameEpoch;
  if (!peer.begun || account.usernames.length !== 1 || epoch % 2 === 1) return;
  const name = nameOf(account);
  const text = uniqueText();
  const ciphertext = await encryptFor(actor, actor.main, name, text);
  const steady = peer.account === account && account.nameEpoch === epoch;
  if (!steady) return;
  if (ciphertext === undefined) return actor.talk.broken("an acknowledged name is the account's", `no user ${name}`);
  peer.inbox.push({ account, letter: { ciphertext, text } });
}

/** Opens one of the letters that the account got so far, or all that just came. */
export async function readLetter(actor: Actor): Promise<void> {
  for (const { account, letter } of actor.inbox.splice(0)) {
    if (account === actor.account) keepLetter(account, letter);
  }
  if (actor.account.letters.length === 0) return;
  await checkLetter(actor, actor.main, actor.account, actor.random.pick(actor.account.letters));
}

export async function checkLetter(
  actor: Actor,
  client: Suite1Client,
  account: Account,
  { ciphertext, text }: Letter,
): Promise<void> {
  const opened = await decryptAs(actor, client, ciphertext);
  actor.oracle.count('checks');
  if (opened !== text) {
    actor.talk.broken('what was encrypted can be decrypted', `${account.email}: ${text.slice(0, 20)}, got ${opened}`);
  }
}

/** Makes sure that the name is the account's: what is encrypted for it opens in the account's session. */
export async function checkName(actor: Actor, client: Suite1Client, account: Account): Promise<void> {
  const text = uniqueText();
  const name = nameOf(account);
  const ciphertext = await encryptFor(actor, client, name, text);
  if (ciphertext === undefined) return actor.talk.broken("an acknowledged name is the account's", `no user ${name}`);
  await checkLetter(actor, client, account, { ciphertext, text });
}
