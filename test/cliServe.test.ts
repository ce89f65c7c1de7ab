// `vws serve` runs the same server as `npm start`.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { settings } from '../src/server/config/settings.ts';
import { openTerminal, registerAt } from './support/cli.ts';
import { eventually } from './support/poll.ts';
import { startVws } from './support/vws.ts';

const START_TIMEOUT_MS = 30_000;

test('serves until SIGTERM, reports its fingerprint, and logs JSON', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'vws-serve-'));
  t.after(() => rm(folder, { recursive: true }));
  // Empty settings, so that a `.env` file of the project does not affect the test.
  const emptySettings = Object.keys(settings).flatMap((name) => [
    [name, ''],
    [`${name}_FILE`, ''],
  ]);
  const environment = { ...Object.fromEntries(emptySettings), PORT: '0', HOST: '127.0.0.1', DATA_DIR: folder };
  const { child, result } = startVws(['serve'], { environment });
  t.after(() => child.kill('SIGKILL'));
  let notes = '';
  child.stderr?.on('data', (text: string) => {
    notes += text;
  });
  const url = await eventually(
    'the server to listen',
    () => /listening +(http:\S+).*Ctrl-C/s.exec(notes)?.[1],
    START_TIMEOUT_MS,
  );
  const ann = await openTerminal(t, { url });
  assert.equal((await ann.succeed('fingerprint')).trim(), /fingerprint (\S+)/.exec(notes)?.[1]);
  await registerAt(ann, 'ann', { dataDir: folder });
  child.kill('SIGTERM');
  const { code, stdout } = await result;
  assert.equal(code, 0);
  for (const line of stdout.trim().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string');
  assert.match(stdout, /"msg":"stopped"\}\n$/);
});
