import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_INTERVAL = 2;
const TIMEOUT = 10_000;

/** Without a mail server the codes are in the server's log. @returns waits for the next one */
export function followCodes(folder: string): () => Promise<string> {
  let seen = 0;
  return async () => {
    for (const deadline = performance.now() + TIMEOUT; performance.now() < deadline; await delay(POLL_INTERVAL)) {
      const log = readFileSync(join(folder, 'log'), 'latin1');
      const found = /"code":"([A-Z0-9]{6})".*\n/.exec(log.slice(seen));
      if (!found?.[1]) continue;
      seen += found.index + found[0].length;
      return found[1];
    }
    throw new Error('no recovery code came');
  };
}
