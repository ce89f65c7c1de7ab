// A database opens only under the master key that it was created with.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { expectMessage } from './support/expect.ts';
import { logIn, newPerson, register } from './support/people.ts';
import { startServer } from './support/server.ts';

test('wrong or missing master key: the server refuses to start; the right one opens everything', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const before = await register(server, person);
  const path = `/encrypt/${encodeURIComponent(person.username)}`;
  const ciphertext = expectMessage(await before.call(path, { message: 'still there' }));
  await server.stop();
  const file = join(server.dataDir, 'master.key');
  const right = await readFile(file);

  await writeFile(file, `${randomBytes(32).toString('hex')}\n`);
  await assert.rejects(server.start(), /wrong master key for this database/);

  await rename(file, `${file}.gone`);
  await assert.rejects(server.start(), /master key file .* is missing/);
  assert.equal(existsSync(file), false, 'no new key is created');

  await writeFile(file, right, { mode: 0o600 });
  await server.start();
  const client = await logIn(server, person);
  assert.equal(expectMessage(await client.decrypt(ciphertext)), 'still there');
});
