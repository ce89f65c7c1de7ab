// SIGTERM and Ctrl-C: requests in progress are finished, new ones are refused, and the exit code is 0.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { expectDelivered, expectDone, expectMessage } from './support/expect.ts';
import { logIn, newPerson, type Person, register } from './support/people.ts';
import { eventually } from './support/poll.ts';
import { type ServerProcess, spawnServer, startServer, withTimeout } from './support/server.ts';
import { openSocket } from './support/sockets.ts';
import { post, Suite1Client, type Suite1Response } from './support/suite1Client.ts';

/** A hash takes several tenths of a second: long enough to be interrupted. */
const SLOW_HASHES = { HASH_ITERATIONS: '20' };
/** Time that `docker stop` gives a process before it kills it. */
const GRACE_PERIOD_MS = 10_000;
const STARTS = 3;
const CLEAN = { code: 0, signal: null };

async function newPlace(t: TestContext): Promise<{ DATA_DIR: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'vws-shutdown-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { DATA_DIR: folder };
}

/** @returns how the process ended, which is by SIGKILL when the grace period was exceeded */
function exitOf(server: ServerProcess): Promise<unknown> {
  return withTimeout(server, GRACE_PERIOD_MS, () => server.exited);
}

describe('signals', () => {
  test('SIGTERM right after the start: a clean exit', async (t) => {
    const place = await newPlace(t);
    for (let start = 1; start <= STARTS; start++) {
      const server = spawnServer(place);
      await server.listening;
      server.child.kill('SIGTERM');
      assert.deepEqual(await exitOf(server), CLEAN);
    }
  });

  test('Ctrl-C, which npm sends a second time: a clean exit', async (t) => {
    const place = await newPlace(t);
    for (const pause of [0, 200]) {
      const server = spawnServer(place);
      await server.listening;
      // The handlers of signals are installed by now.
      await delay(200);
      server.child.kill('SIGINT');
      await delay(pause);
      server.child.kill('SIGINT');
      assert.deepEqual(await exitOf(server), CLEAN);
    }
  });
});

test('SIGTERM: requests in progress are finished, new ones are refused, none is half done', async (t) => {
  const server = await startServer(t, SLOW_HASHES);
  const known = newPerson();
  const client = await register(server, known);
  const people = Array.from({ length: 6 }, () => newPerson());
  const sessions = await Promise.all(people.map(() => Suite1Client.handshake(server)));
  const requests = sessions.map((session, index) => session.prepare('/register_user', { ...people[index] }));
  const outcomes = Promise.allSettled(sessions.map((session, index) => session.send(requests[index] ?? assert.fail())));
  // Served while the hashes run: they are in progress when this returns.
  expectMessage(await client.encrypt(known.username, 'x'));
  const stopped = server.stop();

  await t.test('new requests are refused', async () => {
    const { url } = server;
    const refused = await eventually('the end of service', async () => {
      const answer = await post({ url }, '/create_session_key', '{}').catch(() => ({ status: 0, text: '' }));
      return answer.status === 0 || answer.status === 503 ? answer : undefined;
    });
    if (refused.status === 503) assert.equal(typeof JSON.parse(refused.text).error, 'string');
  });

  await t.test('the exit is clean', () => stopped);

  await t.test('every request was answered, or can be sent again', async () => {
    const settled = await outcomes;
    const answered = settled.filter(({ status }) => status === 'fulfilled').length;
    t.diagnostic(`${answered} of ${settled.length} were answered`);
    assert.ok(answered > 0, 'none was finished');
    await server.start();
    for (const [index, outcome] of settled.entries()) {
      const session = sessions[index] ?? assert.fail();
      const person: Person = people[index] ?? assert.fail();
      if (outcome.status === 'rejected' || outcome.value.status === 503) {
        expectDone(await session.send(requests[index] ?? assert.fail()));
      } else {
        expectDone(outcome.value as Suite1Response);
      }
      await expectDelivered(session, session, person.username);
      await logIn(server, person);
    }
  });
});

test('SIGTERM while clients are connected: none of them delays the exit', async (t) => {
  const server = await startServer(t);
  for (const bytes of [
    '',
    'POST /login_user HTTP/1.1\r\nHost: localhost\r\nX-',
    'POST /login_user HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{',
    'POST /encrypt/a b HTTP/1.1\r\nContent-Length: 100\r\n\r\n{',
    'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n',
  ]) {
    const socket = await openSocket(t, server.url);
    socket.write(bytes);
  }
  // Served after them: the bytes have arrived.
  await fetch(`${server.url}/health/live`);
  await server.stop();
});
