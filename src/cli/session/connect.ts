// Connects with the SDK, and reports once if the server does not respond.
import type { ConnectOptions, Vws } from '../../client/index.ts';
import { CommandError, UsageError } from '../errors.ts';
import type { Shell } from '../terminal/shell.ts';

/**
 * Connects to a server. While calls are retried, one note explains that the server does not respond.
 *
 * @throws {VwsError}
 * @throws CommandError or UsageError at once if retrying cannot help
 */
export async function connectReporting(
  url: string,
  options: ConnectOptions & { readonly deadline: number },
  shell: Pick<Shell, 'note'>,
): Promise<Vws> {
  // Loaded only now: commands that fail earlier do not need the SDK.
  const { connect } = await import('../../client/index.ts');
  const giveUp = new AbortController();
  let isReported = false;
  const reportingFetch: typeof fetch = async (...request) => {
    try {
      return await fetch(...request);
    } catch (error) {
      const permanent = describePermanentFailure(url, error);
      if (permanent) giveUp.abort(permanent);
      else if (!isReported && !request[1]?.signal?.aborted) {
        isReported = true;
        shell.note(`${url} does not respond. Retrying for up to ${options.deadline / 1000} s ...`);
      }
      throw error;
    }
  };
  try {
    return await connect(url, { ...options, fetch: reportingFetch, signal: giveUp.signal });
  } catch (error) {
    giveUp.signal.throwIfAborted();
    throw error;
  }
}

/** @returns undefined for failures that may be temporary */
function describePermanentFailure(url: string, error: unknown): Error | undefined {
  const { code, message } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return new CommandError('This port does not use HTTPS. Try http:// instead.', 'network');
  }
  // The Fetch Standard blocks the ports of other protocols, such as 25.
  if (message === 'bad port') return new UsageError(`${url} has a port that HTTP must not use.`);
  return undefined;
}
