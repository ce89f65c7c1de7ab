/** `vws serve` is the same server as `npm start`. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { settings } from '../src/server/config/settings.ts';
import { openTerminal, registerAt } from './support/cli.ts';
import { eventually } from './support/poll.ts';
import { startVws } from './support/vws.ts';

const PATIENCE_MILLISECONDS = 30_000;

test('it serves until SIGTERM, says by which fingerprint it is known, and keeps its data', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'vws-serve-'));
  t.after(() => rm(folder, { recursive: true }));
  // Empty, so that a `.env` file of the project cannot reach the test.
  const none = Object.keys(settings).flatMap((name) => [
    [name, ''],
    [`${name}_FILE`, ''],
  ]);
  const environment = { ...Object.fromEntries(none), PORT: '0', HOST: '127.0.0.1', DATA_DIR: folder };
  const { child, result } = startVws(['serve'], { environment });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr?.on('data', (text: string) => {
    said += text;
  });
  const url = await eventually(
    'the server to listen',
    () => /listening +(http:\S+).*Ctrl-C/s.exec(said)?.[1],
    PATIENCE_MILLISECONDS,
  );
  const ann = await openTerminal(t, { url });
  assert.equal((await ann.done('fingerprint')).trim(), /fingerprint (\S+)/.exec(said)?.[1]);
  await registerAt(ann, 'ann');
  child.kill('SIGTERM');
  const { code, stdout } = await result;
  assert.equal(code, 0);
  for (const line of stdout.trim().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string');
  assert.match(stdout, /"msg":"stopped"\}\n$/);
});
