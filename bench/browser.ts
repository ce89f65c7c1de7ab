// The SDK in Chromium, with WebCrypto's ML-KEM and with the one in JavaScript. The page itself measures the times.
import { findChromium, launchChromium } from '../test/browser/chromium.ts';
import { openSite } from '../test/browser/site.ts';
import { openBrowser, type User } from '../test/browser/user.ts';
import type { Measurement } from './support/load.ts';
import { emailOf, PASSWORD, register, USERNAME } from './support/people.ts';
import { type Candidate, type Context, compare, type Result } from './support/rounds.ts';
import { percentile } from './support/statistics.ts';
import { startServer } from './support/target.ts';

const TEXT = 'The text of a message, 100 bytes long.'.padEnd(100);

/** @returns nothing where there is no Chromium */
export async function measureBrowser(context: Context): Promise<Result[]> {
  if (!findChromium()) return [];
  const site = await openSite();
  const server = await startServer({ ...context, environment: { CORS_ORIGINS: site.origin } });
  const browser = await launchChromium();
  const { identity: pin } = (await (await fetch(`${server.url}/.well-known/vws`)).json()) as { identity: string };
  const enter = async (withMlKem: boolean) => {
    const user = await openBrowser(browser, site.origin, withMlKem);
    await user.open(server.url, { pin });
    return user;
  };
  const [native, fallback] = [await enter(true), await enter(false)];
  if (!(await native.hasMlKem())) process.stderr.write('This Chromium has no ML-KEM: both use JavaScript.\n');
  await register(server, USERNAME);
  for (const { vws } of [native, fallback]) await vws.login({ email: emailOf(USERNAME), password: PASSWORD });

  const candidates = (measure: (user: User, milliseconds: number) => Promise<number[]>): Candidate[] =>
    Object.entries({ 'ML-KEM of WebCrypto': native, 'ML-KEM in JavaScript': fallback }).map(([name, user]) => ({
      name,
      round: async (milliseconds) => summary(await measure(user, milliseconds)),
    }));
  const handshakes = candidates((user, time) => user.measureHandshakes(server.url, pin, time));
  const calls = candidates((user, time) => user.measureCalls('encrypt', [USERNAME, TEXT], time));
  const results = [
    ...(await compare('handshake in Chromium', handshakes, context)),
    ...(await compare('encrypt in Chromium', calls, context)),
  ];
  await browser.close();
  await site.close();
  return results;
}

function summary(times: number[]): Measurement {
  const sorted = times.toSorted((a, b) => a - b);
  const sum = times.reduce((all, time) => all + time, 0);
  return {
    requests: times.length,
    requestsPerSecond: times.length / (sum / 1000),
    p50: percentile(sorted, 50),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    serverTime: undefined,
    otherThreadsTime: undefined,
    // The browser uses all the processor time that it gets.
    clientLoad: 1,
  };
}
