/** A short run of `npm run torture`: nothing that was acknowledged is lost or done twice, whatever breaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from './support/server.ts';
import { torture } from './torture/run.ts';
import { formatReport } from './torture/witness.ts';

const MILLISECONDS = 10_000;
const ACTORS = 8;

test('no promise is broken by lost answers, doubled requests and crashes', async (t) => {
  const seed = Date.now() % 2 ** 32;
  const witness = await torture(t, {
    startServer: (settings) => startServer(t, settings),
    milliseconds: MILLISECONDS,
    seed,
    actors: ACTORS,
    crashInterval: 2_500,
    lateRestarts: 1,
  });
  const report = formatReport(witness, `seed ${seed}`);
  assert.equal(witness.broken.length, 0, report);
  for (const happened of ['acknowledged', 'lost answers', 'resends', 'kills', 'checks'] as const) {
    assert.ok(witness.counts[happened] > 0, `nothing counted as ${happened}:\n${report}`);
  }
  t.diagnostic(report);
});
