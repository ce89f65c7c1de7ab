// The time of a registration in suite 2 does not reveal whether an address has an account.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { newPassword, newPerson, register } from './support/people.ts';
import { openRawConnection } from './support/rawHttp.ts';
import { startServer, UNLIMITED } from './support/server.ts';
import { openResponse2, Suite2Client } from './support/suite2Client.ts';
import { expectSameTime, type Kind } from './timing/sampling.ts';

const ADDRESSES = 12;
/** In milliseconds; smaller differences cannot be measured over a network. */
const MIN_SHIFT = 0.1;
/** In milliseconds; the duration of a hash, about 20 ms, varies. */
const MIN_SHIFT_OF_HASHES = 0.5;
/** Lets the server finish the work of the previous sample. */
const PAUSE_MS = 5;
const WRONG_CODE = 'LOI010';
/** Each accepts 5 wrong codes. */
const REGISTRATIONS = 30;

test('registrations of taken and free addresses take the same time', async (t) => {
  const server = await startServer(t, UNLIMITED);
  const emails: Record<Kind, string[]> = { known: [], unknown: [] };
  for (let count = 0; count < ADDRESSES; count++) {
    const person = newPerson();
    await register(server, person);
    emails.known.push(person.email);
    emails.unknown.push(newPerson().email);
  }
  const wish = (kind: Kind, index: number) => {
    const email = emails[kind][index % ADDRESSES] ?? assert.fail();
    return { username: newPerson().username, email, password: newPassword() };
  };
  const connection = await openRawConnection(server.url);
  t.after(() => connection.close());

  /** @returns milliseconds from the first byte of the request to the last of the response */
  async function time(client: Suite2Client, path: string, fields: object): Promise<number> {
    const request = client.prepare(path, fields);
    const begun = performance.now();
    const response = await connection.post(Buffer.from(path), request.body);
    const took = performance.now() - begun;
    client.step = openResponse2(request, response).next;
    return took;
  }

  await t.test('register_user', async (st) => {
    const session = await Suite2Client.handshake(server);
    await expectSameTime(st, 60, MIN_SHIFT_OF_HASHES, async (kind, index) => {
      const took = await time(session, '/register_user', wish(kind, index));
      await delay(PAUSE_MS);
      return took;
    });
  });

  await t.test('a request immediately after register_user', async (st) => {
    const session = await Suite2Client.handshake(server);
    await expectSameTime(st, 60, MIN_SHIFT, async (kind, index) => {
      await time(session, '/register_user', wish(kind, index));
      const took = await time(session, '/account', {});
      await delay(PAUSE_MS);
      return took;
    });
  });

  await t.test('confirm_registration with a wrong code', async (st) => {
    const sessions: Record<Kind, Suite2Client[]> = { known: [], unknown: [] };
    for (let index = 0; index < REGISTRATIONS; index++) {
      for (const kind of ['known', 'unknown'] as const) {
        const client = await Suite2Client.handshake(server);
        await time(client, '/register_user', wish(kind, index));
        sessions[kind].push(client);
      }
    }
    // The mails have been written then.
    await delay(1_500);
    await expectSameTime(st, 2 * REGISTRATIONS, MIN_SHIFT, (kind, index) =>
      time(sessions[kind][index % REGISTRATIONS] ?? assert.fail(), '/confirm_registration', { code: WRONG_CODE }),
    );
  });
});
