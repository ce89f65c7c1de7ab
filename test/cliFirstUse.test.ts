// Trust on first use without a terminal: over plain HTTP to another machine, an attacker could answer first.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { newPassword } from './support/people.ts';
import { startSharedServer } from './support/sharedServer.ts';
import { runVws } from './support/vws.ts';

test('vws without a terminal trusts a server over plain HTTP only with --trust-first-use or --pin', async (t) => {
  const server = await startSharedServer({ ALLOWED_HOSTS: '0.0.0.0' });
  const state = mkdtempSync(join(tmpdir(), 'vws-first-use-'));
  t.after(() => rmSync(state, { recursive: true }));
  // Linux connects this address to the loopback interface, but the command cannot know that.
  const far = server.url.replace('127.0.0.1', '0.0.0.0');
  const run = (...options: string[]) =>
    runVws(['login', '--json', '--server', far, '--state', state, '--email', 'ann@example.org', ...options], {
      input: `${newPassword()}\n`,
    });
  const refused = await run();
  const { error } = JSON.parse(refused.stdout);
  assert.deepEqual([refused.code, error.code], [6, 'identity_required']);
  assert.match(error.title, /--pin.*--trust-first-use/);
  assert.equal((await run()).code, 6, 'the fingerprint is not pinned');
  assert.equal((await run('--trust-first-use')).code, 4, 'the server is asked, and knows no such account');
  assert.equal((await run()).code, 4, 'the fingerprint is pinned now');
});
