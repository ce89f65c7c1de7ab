// The time of a registration in suite 2 does not reveal whether an address has an account.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { newPassword, newPerson } from './support/people.ts';
import { openRawConnection } from './support/rawHttp.ts';
import { startServer, UNLIMITED } from './support/server.ts';
import { openResponse2, Suite2Client } from './support/suite2Client.ts';
import {
  createAddresses,
  expectSameTime,
  type Kind,
  MIN_SHIFT,
  MIN_SHIFT_OF_HASHES,
  PAUSE_MS,
} from './timing/sampling.ts';

const WRONG_CODE = 'LOI010';
/** Each accepts 5 wrong codes. */
const REGISTRATIONS = 30;

test('registrations of taken and free addresses take the same time', async (t) => {
  const server = await startServer(t, UNLIMITED);
  const emailOf = await createAddresses(server);
  const wish = (kind: Kind, index: number) => {
    const email = emailOf(kind, index);
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
