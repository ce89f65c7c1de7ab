// When a session rekeys.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHarness, PASSWORD } from '../../test/support/client/harness.ts';

describe('rekey', () => {
  test('happens with the first request and every 16th after it', async () => {
    const { server, join } = await createHarness();
    const alice = await join('alice');
    for (let i = 0; i < 40; i++) await alice.getAccount();
    assert.deepEqual(
      server.executions.filter(({ withKemKey }) => withKemKey).map(({ n }) => n),
      [0, 16, 32],
    );
  });

  test('happens 60 seconds after the last one, or when the clock was set back', async () => {
    const { server, clock, join } = await createHarness();
    const alice = await join('alice');
    for (const [passed, isDue] of [
      [59_999, false],
      [1, true],
      [59_999, false],
      [60_000, true],
    ] as const) {
      clock.advance(passed);
      await alice.getAccount();
      assert.equal(server.executions.at(-1)?.withKemKey, isDue);
    }
    const now = clock.now();
    clock.now = () => now - 61_000;
    await alice.getAccount();
    assert.equal(server.executions.at(-1)?.withKemKey, true);
  });

  test('a server that omits it is refused with bad_answer', async () => {
    const { server, connect } = await createHarness();
    server.ignoresKemKeys = true;
    const account = { username: 'alice', email: 'alice@example.org', password: PASSWORD };
    await assert.rejects((await connect()).register(account), { code: 'bad_answer' });
  });
});
