// Files with keys that other users can access are refused.
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../test/support/mailFixtures.ts';
import { loadMasterKeyFile } from './masterKey.ts';
import { ExposedFileError, readPrivateFile } from './privateFile.ts';

const skip = process.platform === 'win32' ? 'Windows has no permission bits' : false;

test('readPrivateFile: refuses a file by its mode, with the command that corrects it', { skip }, async (t) => {
  const path = join(await temporaryFolder(t), 'key');
  await writeFile(path, 'secret');
  for (const mode of [0o600, 0o400, 0o700]) {
    await chmod(path, mode);
    assert.equal(readPrivateFile(path), 'secret');
  }
  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602, 0o444]) {
    await chmod(path, mode);
    assert.throws(
      () => readPrivateFile(path),
      (error) =>
        error instanceof ExposedFileError &&
        error.message.includes(mode.toString(8)) &&
        error.message.endsWith(`chmod go= '${path}'`),
    );
  }
});

test('readPrivateFile: allows the group if the caller does', { skip }, async (t) => {
  const path = join(await temporaryFolder(t), 'key');
  await writeFile(path, 'secret', { mode: 0o440 });
  assert.equal(readPrivateFile(path, { allowsGroup: true }), 'secret');
  await chmod(path, 0o444);
  assert.throws(() => readPrivateFile(path, { allowsGroup: true }), /chmod o= '/);
});

test('the master key file is refused if other users can read it', { skip }, async (t) => {
  const path = join(await temporaryFolder(t), 'master.key');
  loadMasterKeyFile(path);
  await chmod(path, 0o644);
  assert.throws(() => loadMasterKeyFile(path), {
    message: `The master key file can be accessed by other users (mode 644). Run: chmod go= '${path}'`,
  });
  await chmod(path, 0o600);
  loadMasterKeyFile(path);
});
