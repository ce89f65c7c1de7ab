// The process of `vws`: compile cache, output errors and start-up time.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startVws } from '../../test/support/vws.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
const MAX_STARTUP_MS = 300;

test('--version prints the version of the package', async () => {
  const { code, stdout, stderr } = await startVws(['--version']).result;
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test(`--version and --help take less than ${MAX_STARTUP_MS} ms of processor time`, () => {
  for (const option of ['--version', '--help']) {
    const measure = `process.on('exit', () => { const { user, system } = process.cpuUsage(); console.error((user + system) / 1000); });`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(measure)}`, MAIN, option];
    const times = [1, 2, 3].map(() => Number(spawnSync(process.execPath, args, { encoding: 'utf8' }).stderr));
    assert.ok(Math.min(...times) < MAX_STARTUP_MS, `${option}: ${times} ms`);
  }
});

test('a closed output pipe: exit code 141, no message', async () => {
  const { child, result } = startVws(['--help']);
  child.stdout?.destroy();
  const { code, stderr } = await result;
  assert.deepEqual([code, stderr], [141, '']);
});

test('a full disk: exit code 1 and a message', { skip: !existsSync('/dev/full') }, () => {
  const command = `'${process.execPath}' '${MAIN}' --help > /dev/full`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /^vws: The output cannot be written: .*ENOSPC.*\.\n$/);
});
