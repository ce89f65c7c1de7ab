// After a change of the cost of hashes, the time of a login does not reveal who has an account.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newPassword, newPerson, register } from './support/people.ts';
import { openRawConnection } from './support/rawHttp.ts';
import { startServer, UNLIMITED } from './support/server.ts';
import { Suite1Client } from './support/suite1Client.ts';
import { expectSameTime, type Kind } from './timing/sampling.ts';

const PAIRS = 30;
const WARM_UP_PAIRS = 5;
/** In milliseconds. The costs below differ by a multiple of this. */
const MIN_SHIFT = 2;

test('known and unknown addresses take the same time after a change of the cost', async (t) => {
  const before = await startServer(t, { ...UNLIMITED, HASH_ITERATIONS: '2' });
  // One address for each sample, and for its repetition: none may be locked.
  const emails: Record<Kind, string[]> = { known: [], unknown: [] };
  for (let count = 0; count < 2 * Math.ceil((PAIRS + WARM_UP_PAIRS) / 5); count += 1) {
    const person = newPerson();
    await register(before, person);
    emails.known.push(person.email);
    emails.unknown.push(newPerson().email);
  }
  const samples: Record<Kind, number> = { known: 0, unknown: 0 };
  await before.stop();
  const { dataDir: DATA_DIR, databaseUrl } = before;
  const after = await startServer(t, {
    ...{ ...UNLIMITED, DATA_DIR, HASH_ITERATIONS: '8' },
    ...(databaseUrl && { DATABASE_URL: databaseUrl }),
  });
  const connection = await openRawConnection(after.url);
  t.after(() => connection.close());
  const client = await Suite1Client.handshake(after);
  await expectSameTime(t, PAIRS, MIN_SHIFT, async (kind) => {
    const email = emails[kind][Math.floor(samples[kind]++ / 5)] ?? assert.fail();
    const request = client.prepare('/login_user', { email, password: newPassword() });
    const begun = performance.now();
    const http = await connection.post(Buffer.from('/login_user'), request.body);
    const took = performance.now() - begun;
    assert.equal(client.accept(request, http).error, 'Password is wrong');
    return took;
  });
});
