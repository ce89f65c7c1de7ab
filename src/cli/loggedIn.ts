import type { Account } from '../client/index.ts';
import type { Output } from './command.ts';
import { type CommonOptions, tell } from './commonOptions.ts';

/** Ends a command that logged in: the server is the one that the next commands use. */
export async function tellAccount(
  options: CommonOptions,
  output: Output,
  { username, email }: Account,
  what: string,
): Promise<void> {
  await options.state.saveServer(options.url);
  tell(output, options, { server: options.url, username, email }, () =>
    output.note(`${what} as ${username} at ${options.url}`),
  );
}
