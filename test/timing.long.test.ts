// Neither the time nor the bytes of a response reveal whether an account has an email address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { newPassword } from './support/people.ts';
import { openRawConnection } from './support/rawHttp.ts';
import { startServer, UNLIMITED } from './support/server.ts';
import { startSmtpServer } from './support/smtp.ts';
import { runSql } from './support/sql.ts';
import { type Fields, Suite1Client } from './support/suite1Client.ts';
import {
  ADDRESSES,
  createAddresses,
  expectSameTime,
  findsDifference,
  type Kind,
  MIN_SHIFT,
  MIN_SHIFT_OF_HASHES,
  PAUSE_MS,
} from './timing/sampling.ts';
import { startTwin } from './timing/twin.ts';

const MAX_WRONG_PASSWORDS = 5;
const WRONG_CODE = 'AAAAAA';
/** Each accepts a few wrong codes. */
const RECOVERIES = 40;

test('known and unknown email addresses are indistinguishable', async (t) => {
  const smtp = await startSmtpServer({ mode: 'plain' });
  t.after(() => smtp.stop());
  const server = await startServer(t, {
    MAIL_SERVER: '127.0.0.1',
    MAIL_PORT: String(smtp.port),
    MAIL_DEFAULT_SENDER: 'vws@example.org',
    ...UNLIMITED,
  });
  const emailOf = await createAddresses(server);
  const connection = await openRawConnection(server.url);
  t.after(() => connection.close());
  const session = await Suite1Client.handshake(server);

  /** @returns milliseconds from the first byte of the request to the last of the response */
  async function time(client: Suite1Client, path: string, fields: Fields): Promise<number> {
    const request = client.prepare(path, fields);
    const begun = performance.now();
    const http = await connection.post(Buffer.from(path), request.body);
    const took = performance.now() - begun;
    client.accept(request, http);
    return took;
  }

  /** A response without the values that differ in every response. */
  async function shapeOf(client: Suite1Client, path: string, fields: Fields): Promise<unknown> {
    const request = client.prepare(path, fields);
    const response = await fetch(server.url + path, { method: 'POST', body: request.body });
    const headers = [...response.headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');
    const text = await response.text();
    client.accept(request, { status: response.status, contentType: '', text });
    return {
      status: response.status,
      headers,
      body: text.replaceAll(/"[A-Za-z0-9+/=]{88,}"/g, (key) => `${key.length}`),
    };
  }

  async function expectSameShape(path: string, fields: (kind: Kind) => Fields, client = session): Promise<void> {
    assert.deepEqual(await shapeOf(client, path, fields('known')), await shapeOf(client, path, fields('unknown')));
  }

  const forgetAttempts = () => runSql(server, 'DELETE FROM login_attempts');
  const wrongLogin = (email: string): Fields => ({ email, password: newPassword() });

  await t.test('login with a wrong password', async (st) => {
    await expectSameShape('/login_user', (kind) => wrongLogin(emailOf(kind, 0)));
    await expectSameTime(st, 60, MIN_SHIFT_OF_HASHES, async (kind, index) => {
      if (index % ADDRESSES === 0) await forgetAttempts();
      return time(session, '/login_user', wrongLogin(emailOf(kind, index)));
    });
  });

  await t.test('the wrong password that locks an account', async (st) => {
    // Each mailbox gets three mails about locks in a day; this takes no more.
    await expectSameTime(st, 20, MIN_SHIFT_OF_HASHES, async (kind, index) => {
      await forgetAttempts();
      await time(session, '/login_user', wrongLogin(emailOf(kind, index)));
      await runSql(server, `UPDATE login_attempts SET failures = ${MAX_WRONG_PASSWORDS - 1}`);
      const took = await time(session, '/login_user', wrongLogin(emailOf(kind, index)));
      await delay(PAUSE_MS);
      return took;
    });
    await smtp.waitForMail(({ text }) => text.includes('was locked'));
  });

  await t.test('login to a locked account', async (st) => {
    await forgetAttempts();
    const [known, unknown] = [emailOf('known', 0), emailOf('unknown', 0)];
    for (let attempt = 0; attempt <= MAX_WRONG_PASSWORDS; attempt++) {
      for (const email of [known, unknown]) await time(session, '/login_user', wrongLogin(email));
    }
    await expectSameShape('/login_user', (kind) => wrongLogin(emailOf(kind, 0)));
    await expectSameTime(st, 150, MIN_SHIFT, (kind) => time(session, '/login_user', wrongLogin(emailOf(kind, 0))));
  });

  await t.test('forgot_password', async (st) => {
    await expectSameShape('/forgot_password', (kind) => ({ email: emailOf(kind, 0) }));
    await expectSameTime(st, 150, MIN_SHIFT, async (kind, index) => {
      const took = await time(session, '/forgot_password', { email: emailOf(kind, index) });
      await delay(PAUSE_MS);
      return took;
    });
  });

  await t.test('a request immediately after forgot_password', async (st) => {
    await expectSameTime(st, 80, MIN_SHIFT, async (kind, index) => {
      await time(session, '/forgot_password', { email: emailOf(kind, index) });
      const took = await time(session, '/encrypt/nobody', { message: 'x' });
      await delay(PAUSE_MS);
      return took;
    });
  });

  await t.test('confirm_forgot_password with a wrong code', async (st) => {
    const sessions: Record<Kind, Suite1Client[]> = { known: [], unknown: [] };
    const mails = smtp.mails.length;
    for (let index = 0; index < RECOVERIES; index++) {
      for (const kind of ['known', 'unknown'] as const) {
        const client = await Suite1Client.handshake(server);
        await time(client, '/forgot_password', { email: emailOf(kind, index) });
        sessions[kind].push(client);
      }
    }
    await smtp.waitForMail(() => smtp.mails.length >= mails + RECOVERIES);
    const sessionOf = (kind: Kind, index: number) => sessions[kind][index % RECOVERIES] ?? assert.fail();
    const [known, unknown] = [sessionOf('known', 0), sessionOf('unknown', 0)];
    assert.deepEqual(
      await shapeOf(known, '/confirm_forgot_password', { code: WRONG_CODE }),
      await shapeOf(unknown, '/confirm_forgot_password', { code: WRONG_CODE }),
    );
    await expectSameTime(st, 2 * RECOVERIES, MIN_SHIFT, (kind, index) =>
      time(sessionOf(kind, index), '/confirm_forgot_password', { code: WRONG_CODE }),
    );
  });
});

test('the statistics detect a leak', async (t) => {
  async function finds(t: Parameters<typeof startTwin>[0], extraCost: (kind: Kind) => number): Promise<boolean> {
    const connection = await openRawConnection(await startTwin(t, extraCost));
    t.after(() => connection.close());
    return findsDifference(t, 80, MIN_SHIFT, async (kind) => {
      const begun = performance.now();
      await connection.post(Buffer.from(`/${kind}`), '');
      return performance.now() - begun;
    });
  }

  await t.test('a skipped hash is detected', async (st) => {
    assert.equal(await finds(st, (kind) => (kind === 'known' ? 10 : 0)), true);
  });

  await t.test('half a millisecond more for unknown addresses is detected', async (st) => {
    assert.equal(await finds(st, (kind) => (kind === 'unknown' ? 0.5 : 0)), true);
  });

  await t.test('equal times are not reported', async (st) => {
    assert.equal(await finds(st, () => 0.5), false);
  });
});
