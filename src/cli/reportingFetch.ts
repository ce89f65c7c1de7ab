import type { Output } from './command.ts';

/** The `fetch` for one call, which says once that there is no answer while the call goes on trying. */
export function reportingFetch(url: string, timeout: number, output: Output): typeof globalThis.fetch {
  let isReported = false;
  return async (...request) => {
    try {
      return await fetch(...request);
    } catch (error) {
      if (!isReported && !request[1]?.signal?.aborted) {
        isReported = true;
        output.note(`${url} does not answer. Trying again for up to ${timeout / 1000} s ...`);
      }
      throw error;
    }
  };
}
