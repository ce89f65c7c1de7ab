/**
 * An active man in the middle against the SDK and the real server: what he does, and what he gets by it. Whatever it is,
 * nothing that either side says is seen by him or changed, nothing is executed twice, and all goes on when he stops.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHarness, type Harness } from './manInTheMiddle/harness.ts';
import { startKnownServer } from './manInTheMiddle/knownServer.ts';
import { attacksOnAnswers } from './manInTheMiddle/onAnswers.ts';
import { attacksOnHandshakes } from './manInTheMiddle/onHandshakes.ts';
import { attacksOnRequests } from './manInTheMiddle/onRequests.ts';
import { attackTable } from './manInTheMiddle/table.ts';
import { thefts } from './manInTheMiddle/thefts.ts';

const attacks = { handshakes: attacksOnHandshakes, requests: attacksOnRequests, answers: attacksOnAnswers };

test('a man in the middle gets nothing but a denial of service', { concurrency: true }, async (t) => {
  const { server, identity } = await startKnownServer(t);
  const groups = Object.entries(attacks).map(([name, group]) =>
    t.test(`with ${name}`, async (t) => {
      const harness = await createHarness(t, server, identity);
      for (const { does, run } of group) await t.test(`who ${does}`, () => begin(harness, run));
    }),
  );
  const stolen = t.test('with something stolen', async (t) => {
    const harness = await createHarness(t, server, identity);
    for (const [what, run] of Object.entries(thefts)) await t.test(what, () => begin(harness, run));
  });
  await Promise.all([...groups, stolen]);
});

/** What a test that failed has left over the line is not for the next one. */
function begin(harness: Harness, run: (harness: Harness) => Promise<void>): Promise<void> {
  harness.line.forget();
  return run(harness);
}

test('docs/security.md says the same', () => {
  const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'security.md'), 'utf8');
  const table = attackTable(Object.values(attacks).flat());
  assert.ok(page.includes(`\n\n${table}\n\n`), `The page should have this table:\n\n${table}\n`);
});
