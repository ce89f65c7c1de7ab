import { type Account, type Vws, VwsError } from '../../client/index.ts';
import type { Output } from '../command.ts';
import { type CommonOptions, tell } from '../commonOptions.ts';

/** What is known of an account. */
export interface KnownAccount extends Pick<Account, 'email'> {
  readonly username: string | null;
}

/** @returns the account as the server has it, or as it is known here, since the original server does not tell */
export async function askAccount(vws: Vws, known: KnownAccount): Promise<KnownAccount> {
  try {
    return await vws.getAccount();
  } catch (error) {
    if (error instanceof VwsError && error.code === 'route_not_found' && vws.suite === 1) return known;
    throw error;
  }
}

/** Ends a command that logged in: the server is the one that the next commands use. */
export async function tellAccount(
  options: CommonOptions,
  output: Output,
  { username, email }: KnownAccount,
  what: string,
): Promise<void> {
  await options.state.saveServer(options.url);
  tell(output, options, { server: options.url, username, email }, () =>
    output.note(`${what} as ${username ?? email} at ${options.url}`),
  );
}
