// The account of a session after a login, also from servers that cannot report it.
import { VwsError } from '../../client/error.ts';
import type { Account, Vws } from '../../client/index.ts';
import { printResult } from '../clientCommand.ts';
import type { CommonOptions } from '../commonOptions.ts';
import type { Shell } from '../terminal/shell.ts';

interface KnownAccount extends Pick<Account, 'email'> {
  readonly username: string | null;
}

/** @returns the account from the server, or `known` if it is an original server, which has no such endpoint */
export async function fetchAccount(vws: Vws, known: KnownAccount): Promise<KnownAccount> {
  try {
    return await vws.getAccount();
  } catch (error) {
    if (error instanceof VwsError && error.code === 'route_not_found' && vws.suite === 1) return known;
    throw error;
  }
}

/** Finishes a login: makes this server the default of later commands, and prints the account. */
export async function finishLogin(
  options: CommonOptions,
  shell: Shell,
  { username, email }: KnownAccount,
  what: string,
): Promise<void> {
  await options.state.saveServer(options.url);
  printResult(shell, options, { server: options.url, username, email }, () =>
    shell.note(`${what} as ${username ?? email} at ${options.url}`),
  );
}
