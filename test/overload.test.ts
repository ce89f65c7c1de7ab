// Overload and rate limits: which requests are refused, when to retry, and who is served meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { expectDelivered, expectDone, expectFailure } from './support/expect.ts';
import { mailboxOf } from './support/mail.ts';
import { newPassword, newPerson, register } from './support/people.ts';
import { type Settings, startServer, type TestServer } from './support/server.ts';
import { type PreparedRequest, publicKeyPem, Suite1Client } from './support/suite1Client.ts';

interface Reply {
  readonly status: number;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  readonly text: string;
}

async function post(
  server: TestServer,
  { path, body }: Pick<PreparedRequest, 'path' | 'body'>,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const retryAfter = response.headers.get('retry-after');
  return {
    status: response.status,
    retryAfter: retryAfter === null ? undefined : Number(retryAfter),
    text: await response.text(),
  };
}

function expectRetryLater(reply: Reply, status: 429 | 503, maxSeconds: number): void {
  assert.equal(reply.status, status, reply.text);
  const seconds = reply.retryAfter;
  assert.ok(seconds !== undefined && Number.isInteger(seconds), 'Retry-After in whole seconds');
  assert.ok(seconds >= 1 && seconds <= maxSeconds, `Retry-After: ${seconds}`);
  assert.deepEqual(Object.keys(JSON.parse(reply.text)), ['error']);
}

test('a burst of logins: 503 with Retry-After past the queue, while sessions are served', async (t) => {
  const server = await startServer(t, { HASH_QUEUE_LIMIT: '5', HASH_ITERATIONS: '10' });
  const person = newPerson();
  const client = await register(server, person);
  const logins = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const session = await Suite1Client.handshake(server);
      const request = session.prepare('/login_user', { email: newPerson().email, password: newPassword() });
      return { session, request };
    }),
  );

  let served = 0;
  let over = false;
  const burst = Promise.all(logins.map(({ request }) => post(server, request))).finally(() => {
    over = true;
  });
  while (!over) {
    await expectDelivered(client, client, person.username);
    served += 1;
  }
  const replies = await burst;
  const refused = replies.filter(({ status }) => status === 503);
  t.diagnostic(`${refused.length} of ${replies.length} were refused; ${served} messages meanwhile`);
  assert.ok(refused.length > 0 && refused.length < replies.length);
  assert.ok(served > 0);
  for (const reply of refused) expectRetryLater(reply, 503, 60);

  const index = replies.findIndex(({ status }) => status === 503);
  const { session, request } = logins[index] ?? assert.fail();
  expectFailure(await session.send(request), 201, 'Password is wrong');
});

test('only a trusted proxy determines the client address', async (t) => {
  const max = 5;
  const handshake = {
    path: '/create_session_key',
    body: JSON.stringify({ public_key: Buffer.from(publicKeyPem).toString('hex') }),
  };
  /** Statuses of more requests than two windows allow; `header` sets their origins. */
  async function statuses(server: TestServer, header: (index: number) => Record<string, string>): Promise<Set<number>> {
    const seen = new Set<number>();
    for (let index = 0; index <= 2 * max; index++) seen.add((await post(server, handshake, header(index))).status);
    return seen;
  }
  const limits: Settings = { RATE_HANDSHAKES_PER_MINUTE: String(max) };

  await t.test('without a trusted proxy: X-Forwarded-For is ignored', async (st) => {
    const server = await startServer(st, limits);
    const headers = (index: number) => ({
      'x-forwarded-for': `198.51.100.${index}`,
      'x-real-ip': `198.51.100.${index}`,
      'x-forwarded-proto': 'https',
      forwarded: `for=198.51.100.${index}`,
    });
    assert.ok((await statuses(server, headers)).has(429));
  });

  await t.test(
    'behind a trusted proxy: each client is limited separately, by the address the proxy saw',
    async (st) => {
      const server = await startServer(st, { ...limits, TRUSTED_PROXIES: '127.0.0.0/8,::1' });
      const from = (address: string) => ({ 'x-forwarded-for': address, 'x-forwarded-proto': 'https' });
      assert.deepEqual(await statuses(server, (index) => from(`198.51.100.${index}`)), new Set([200]));
      assert.deepEqual(await statuses(server, (index) => from(`2001:db8:0:${index}::1`)), new Set([200]));
      assert.ok((await statuses(server, () => from('203.0.113.1'))).has(429), 'one address');
      assert.ok((await statuses(server, (index) => from(`2001:db8:1:1::${index}`))).has(429), 'one IPv6 network');
      assert.ok(
        (await statuses(server, (index) => from(`${index}.1.1.1, 203.0.113.2`))).has(429),
        'a forged first hop',
      );
      assert.ok(
        (await statuses(server, (index) => from(`203.0.113.3, 127.0.0.${index + 1}`))).has(429),
        'forged inner proxies',
      );
    },
  );
});

test('rate limits: 429 with Retry-After, the session continues', async (t) => {
  const server = await startServer(t, {
    RATE_LOGINS_PER_MINUTE: '4',
    RATE_REGISTRATIONS_PER_MINUTE: '4',
    RATE_RECOVERIES_PER_MINUTE: '4',
    RATE_RECOVERY_MAILS_PER_HOUR: '2',
  });
  const person = newPerson();
  const client = await register(server, person);
  const maxInTwoWindows = 8;

  /** Makes requests until one is refused. */
  async function exhaust(path: string, fields: () => Record<string, string>): Promise<Reply> {
    for (let count = 0; count <= maxInTwoWindows; count++) {
      const session = await Suite1Client.handshake(server);
      const reply = await post(server, session.prepare(path, fields()));
      if (reply.status === 429) return reply;
    }
    return assert.fail(`no limit on ${path}`);
  }

  for (const [path, fields] of [
    ['/login_user', () => ({ email: newPerson().email, password: newPassword() })],
    ['/register_user', () => ({ ...newPerson() })],
    ['/forgot_password', () => ({ email: newPerson().email })],
  ] as const) {
    await t.test(path, async () => expectRetryLater(await exhaust(path, fields), 429, 60));
  }

  await t.test('the session continues after a 429', async () => {
    const newName = newPerson().username;
    const change = client.prepare('/change_username', { new_username: newName, password: person.password });
    // The change succeeds if a new minute has begun.
    const { status } = await post(server, change);
    await expectDelivered(client, client, status === 429 ? person.username : newName);
  });

  await t.test(
    'the limit of emails to one address survives a restart: further recoveries send no email',
    async (st) => {
      // Another server, since the limit of recoveries per minute is used up.
      const other = await startServer(st, { RATE_RECOVERY_MAILS_PER_HOUR: '2' });
      const person = newPerson();
      await register(other, person);
      const forgot = async () => {
        const session = await Suite1Client.handshake(other);
        expectDone(await session.call('/forgot_password', { email: person.email }));
      };
      for (let count = 0; count < 4; count++) await forgot();
      await other.kill();
      await other.start();
      for (let count = 0; count < 2; count++) await forgot();
      // Mails leave within a second. One client may cause a quarter of two mails, rounded up.
      await delay(1_500);
      assert.equal((await mailboxOf(other.dataDir, person.email)).length, 1);
    },
  );
});
