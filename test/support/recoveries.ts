// Recoveries in the harness of accounts.
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type AccountsHarness, CLIENT, createAccountsHarness, outcomeOf } from './accounts.ts';
import { openTestStore } from './store.ts';

export const EMAIL = 'Ada@Example.org';
export const UNKNOWN = 'nobody@example.org';
export const PASSWORD = 'blue owl sky';
export const NEW_PASSWORD = 'green owl sky';
export const SESSION = randomBytes(16);
export const MINUTE_MS = 60_000;
/** Contains characters that no code contains. */
export const WRONG_CODE = 'LOI010';

export async function createHarness(t: TestContext): Promise<AccountsHarness> {
  const harness = await createAccountsHarness(await openTestStore(t));
  await harness.register('Ada', EMAIL, PASSWORD);
  return harness;
}

export const begin = ({ transact, recovery }: AccountsHarness, email = EMAIL, client = CLIENT) =>
  transact((tx) => recovery.begin(tx, email, client));

export const confirm = ({ transact, recovery }: AccountsHarness, id: Uint8Array | null, code: string) =>
  outcomeOf(transact((tx) => recovery.confirm(tx, id, code)));

export async function finish(harness: AccountsHarness, id: Uint8Array | null, password = NEW_PASSWORD) {
  const { transact, recovery } = harness;
  const finishing = async () => {
    const prepared = await recovery.prepareFinish(id, password, CLIENT);
    await transact((tx) => recovery.finish(tx, id, SESSION, prepared, CLIENT));
  };
  return outcomeOf(finishing());
}

export const logIn = (harness: AccountsHarness, password: string) => outcomeOf(harness.logIn(EMAIL, password));
export const lastCode = ({ mails }: AccountsHarness) => mails.at(-1)?.code ?? '';
