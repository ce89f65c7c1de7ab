// The SDK in a real browser, on a page of another origin than the server's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HANDSHAKE_PATH } from '../src/protocol/endpoints.ts';
import { findChromium, launchChromium } from './browser/chromium.ts';
import { openSite, type Site } from './browser/site.ts';
import { openBrowser, type User } from './browser/user.ts';
import { startKnownServer } from './manInTheMiddle/knownServer.ts';
import { type Line, openLine, type Tamper } from './manInTheMiddle/line.ts';
import { newPerson, registerVws } from './support/people.ts';
import type { TestServer } from './support/server.ts';

const isNeeded = process.env.CI === 'true' || findChromium() !== undefined;
const skip = isNeeded ? false : 'there is no Chromium on this machine: see CONTRIBUTING.md';

/** Milliseconds for a call, which takes about 20. */
const TIMEOUT_MS = 10_000;

test('the SDK in Chromium', { skip }, async (t) => {
  const browser = await launchChromium();
  t.after(() => browser.close());
  const site = await openSite();
  t.after(() => site.close());
  const { server, identity } = await startKnownServer(t, { CORS_ORIGINS: site.origin });
  const line = await openLine(t, () => server.url);
  const enter = async (withMlKem: boolean) => {
    const user = await openBrowser(browser, site.origin, withMlKem);
    await user.open(line.url, { pin: identity.fingerprint, deadline: TIMEOUT_MS });
    return user;
  };

  for (const withMlKem of [true, false]) {
    await t.test(withMlKem ? 'the SDK with ML-KEM of WebCrypto' : 'the SDK with its own ML-KEM', async () => {
      site.asked.length = 0;
      const [alice, bob] = await Promise.all([enter(withMlKem), enter(withMlKem)]);
      assert.equal(isFallbackLoaded(site), !(await alice.hasMlKem()));
      await tellStory(alice, bob, { line, server, pin: identity.fingerprint });
    });
  }

  await t.test('a 503 with Retry-After: reported with the seconds to wait', async () => {
    const { vws } = await enter(true);
    line.tamper = async (request, { send }) => {
      const reply = await send(request);
      const headers = { ...reply.headers, 'retry-after': '3600' };
      return request.method === 'OPTIONS' ? reply : { status: 503, headers, body: '{"code":"overloaded"}' };
    };
    await assert.rejects(vws.getAccount(), { code: 'overloaded', retryAfter: 3600 });
    line.tamper = undefined;
  });

  await t.test('only pages of a configured origin may call the server', async () => {
    const other = await openSite();
    const stranger = await openBrowser(browser, other.origin, true);
    await assert.rejects(stranger.open(line.url, { pin: identity.fingerprint, deadline: 1000 }), { code: 'network' });
    await other.close();
  });
});

interface Place {
  readonly line: Line;
  readonly server: TestServer;
  readonly pin: string;
}

async function tellStory(alice: User, bob: User, { line, server, pin }: Place): Promise<void> {
  const [a, b] = [newPerson(), newPerson()];
  line.tamper = undefined;
  line.forget();
  await registerVws(alice.vws, server, a);
  await registerVws(bob.vws, server, b);
  const text = 'Ein Wörtchen über 世界';
  const message = await alice.vws.encrypt(b.username, text);
  const opened = await bob.vws.decrypt(message);
  assert.deepEqual([opened.text, opened.sender], [text, a.username]);
  assert.ok(opened.sentAt instanceof Date);

  // Chromium repeats a request once, then the SDK does; the line checks that all copies get the same response.
  line.tamper = losing(2);
  const rename = { newUsername: newPerson().username, password: b.password };
  await bob.vws.changeUsername(rename);
  assert.equal(line.heard.filter(({ reply }) => reply === 'broken').length, 2);
  assert.deepEqual(await bob.vws.getAccount(), { username: rename.newUsername, email: b.email });

  // All responses are lost until the page is closed. The next page continues with the session and the request.
  line.tamper = losing(Number.POSITIVE_INFINITY);
  const call = () => alice.vws.encrypt(rename.newUsername, text, { deadline: 1000 });
  await assert.rejects(call(), { code: 'network' });
  line.tamper = undefined;
  assert.ok(line.heard.some(({ request, reply }) => request.path === '/encrypt' && reply === 'broken'));
  line.forget();
  await Promise.all([alice, bob].map((user) => user.reload()));
  await Promise.all([alice, bob].map((user) => user.open(line.url, { pin, deadline: TIMEOUT_MS })));
  assert.equal((await bob.vws.decrypt(await call())).text, text);
  assert.ok(!line.heard.some(({ request }) => request.path === HANDSHAKE_PATH), 'a new session was opened');

  await alice.vws.logOut();
  await assert.rejects(alice.vws.getAccount(), { code: 'not_authenticated' });
  await alice.vws.login(a);
  assert.deepEqual(await alice.vws.getAccount(), { username: a.username, email: a.email });
}

/** Loses the responses to this many requests, preflight requests not included. */
function losing(times: number): Tamper {
  let left = times;
  return async (request, { send }) => {
    const reply = await send(request);
    if (request.method === 'OPTIONS' || left === 0) return reply;
    left -= 1;
    return 'broken';
  };
}

function isFallbackLoaded({ asked }: Site): boolean {
  return asked.some((path) => path.includes('mlKemFallback'));
}
