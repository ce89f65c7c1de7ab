// An active man in the middle between the SDK and the real server: what they do, and what they gain. In every case they
// can neither read nor change what either side sends, nothing is executed twice, and service resumes when they stop.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHarness, type Harness } from './manInTheMiddle/harness.ts';
import { startKnownServer } from './manInTheMiddle/knownServer.ts';
import { attacksOnHandshakes } from './manInTheMiddle/onHandshakes.ts';
import { attacksOnRequests } from './manInTheMiddle/onRequests.ts';
import { attacksOnResponses } from './manInTheMiddle/onResponses.ts';
import { attackTable } from './manInTheMiddle/table.ts';
import { thefts } from './manInTheMiddle/thefts.ts';

const attacks = { handshakes: attacksOnHandshakes, requests: attacksOnRequests, answers: attacksOnResponses };

test('a man in the middle gains no more than a denial of service', { concurrency: true }, async (t) => {
  const { server, identity } = await startKnownServer(t);
  const groups = Object.entries(attacks).map(([name, group]) =>
    t.test(`attacks on ${name}`, async (t) => {
      const harness = await createHarness(t, server, identity);
      for (const { does, run } of group) await t.test(does, () => begin(harness, run));
    }),
  );
  const stolen = t.test('attacks with stolen data', async (t) => {
    const harness = await createHarness(t, server, identity);
    for (const [what, run] of Object.entries(thefts)) await t.test(what, () => begin(harness, run));
  });
  await Promise.all([...groups, stolen]);
});

/** Clears what a failed test has left on the line. */
function begin(harness: Harness, run: (harness: Harness) => Promise<void>): Promise<void> {
  harness.line.forget();
  return run(harness);
}

test('docs/security.md has the table of these attacks', () => {
  const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'security.md'), 'utf8');
  const table = attackTable(Object.values(attacks).flat());
  assert.ok(page.includes(`\n\n${table}\n\n`), `The page should have this table:\n\n${table}\n`);
});
