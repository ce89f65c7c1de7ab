// A short run of `npm run torture`: nothing that was acknowledged is lost or done twice, whatever breaks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from './support/server.ts';
import { postgresUrl } from './support/store.ts';
import { formatReport } from './torture/oracle.ts';
import { torture } from './torture/run.ts';

const PROCESSES = 3;
const MILLISECONDS = 10_000;
const ACTORS = 8;

test('no promise is broken by lost answers, doubled requests, crashes and cut lines', async (t) => {
  const seed = Date.now() % 2 ** 32;
  const oracle = await torture(t, {
    startServer: (settings) => startServer(t, settings),
    processes: PROCESSES,
    milliseconds: MILLISECONDS,
    seed,
    actors: ACTORS,
    crashInterval: 2_000,
    cutInterval: 1_500,
    lateRestarts: 0.3,
  });
  const report = formatReport(oracle, `seed ${seed}`);
  assert.equal(oracle.violations.length, 0, report);
  const happened = ['acknowledged', 'lost answers', 'resends', 'kills', 'checks'] as const;
  for (const event of postgresUrl ? ([...happened, 'database cuts'] as const) : happened) {
    assert.ok(oracle.counts[event] > 0, `nothing counted as ${event}:\n${report}`);
  }
  t.diagnostic(report);
});
