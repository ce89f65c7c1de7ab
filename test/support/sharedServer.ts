// A real server that all tests of a file share, because starting one takes longer than most tests.
import { after, type TestContext } from 'node:test';
import { type Settings, startServer, type TestServer } from './server.ts';

const LIMITED = ['HANDSHAKES', 'LOGINS', 'REGISTRATIONS', 'RECOVERIES'];
const NO_RATE_LIMITS: Settings = Object.fromEntries(LIMITED.map((name) => [`RATE_${name}_PER_MINUTE`, '100000']));

/** Starts a server without limits per address. It runs until the tests of the file have ended. */
export function startSharedServer(settings: Settings = {}): Promise<TestServer> {
  const hourly = { RATE_REGISTRATIONS_PER_HOUR: '100000', RATE_MAILS_PER_HOUR: '100000' };
  return startServer({ after } as TestContext, { ...NO_RATE_LIMITS, ...hourly, ...settings });
}
