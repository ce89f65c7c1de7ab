// Contacts of the `vws` command: a changed one is refused until the user accepts it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTerminal, registerAt } from './support/cli.ts';
import { startSharedServer } from './support/sharedServer.ts';

test('vws encrypt and decrypt report that a name belongs to another user than before', async (t) => {
  const server = await startSharedServer();
  const [ann, bob] = [await openTerminal(t, server), await openTerminal(t, server)];
  await registerAt(ann, 'ann', server);
  await registerAt(bob, 'bob', server);
  const sealed = await ann.succeed('encrypt bob', 'text');
  await bob.succeed('encrypt Ann', 'text');

  const [folder = ''] = readdirSync(join(bob.stateFolder, 'servers'));
  const file = join(bob.stateFolder, 'servers', folder, 'contacts');
  const contacts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  assert.deepEqual(Object.keys(contacts), ['ann']);
  writeFileSync(file, JSON.stringify({ ann: '00'.repeat(16) }));

  const refused = await bob.run('encrypt ann', 'text');
  assert.deepEqual([refused.code, refused.stdout], [6, '']);
  assert.match(refused.stderr, /another user than before.*\n.*--accept-contact/);
  const opened = await bob.run('decrypt', sealed);
  assert.deepEqual([opened.code, opened.stdout], [0, 'text']);
  assert.match(opened.stderr, /^WARNING: the sender is not the user/);
  assert.equal((await bob.json('decrypt', sealed)).contactChanged, true);

  await bob.succeed('encrypt ann --accept-contact', 'text');
  await bob.succeed('encrypt ann', 'text');
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), contacts);
  writeFileSync(file, 'damaged');
  assert.match((await bob.run('encrypt ann', 'text')).stderr, /could not be loaded/);
});
