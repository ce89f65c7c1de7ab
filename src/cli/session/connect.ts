import { type ConnectOptions, connect, type Vws } from '../../client/index.ts';
import { CommandError, type Output, UsageError } from '../command.ts';

/**
 * Connects, and says once that there is no answer while a call goes on trying.
 *
 * @throws {VwsError}
 * @throws UsageError and CommandError, at once, if nothing but another address can help
 */
export async function connectReporting(
  url: string,
  options: ConnectOptions & { readonly deadline: number },
  output: Output,
): Promise<Vws> {
  const giveUp = new AbortController();
  let isReported = false;
  const reportingFetch: typeof fetch = async (...request) => {
    try {
      return await fetch(...request);
    } catch (error) {
      const hopeless = describeHopeless(url, error);
      if (hopeless) giveUp.abort(hopeless);
      else if (!isReported && !request[1]?.signal?.aborted) {
        isReported = true;
        output.note(`${url} does not answer. Trying again for up to ${options.deadline / 1000} s ...`);
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

/** What no other attempt with this address can change; undefined for all else. */
function describeHopeless(url: string, error: unknown): Error | undefined {
  const { code, message } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return new CommandError('This port does not speak HTTPS; is it http://?', 'network');
  }
  // The Fetch Standard forbids those of other protocols, such as 25.
  if (message === 'bad port') return new UsageError(`${url} has a port that HTTP may not use.`);
  return undefined;
}
