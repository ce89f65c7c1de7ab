// Epoch keys for tests, in files that are removed after the test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { EpochFile } from '../../src/server/keyring/epochFile.ts';
import { EpochKeys } from '../../src/server/keyring/epochKeys.ts';

/** Values get no outer layer. */
export const noEpochs = new EpochKeys(undefined);

/** Returns the path of a file that does not exist yet. */
export function newEpochPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vws-epoch-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'epoch');
}

export function openEpochs(t: TestContext, path = newEpochPath(t), now = 0): { file: EpochFile; keys: EpochKeys } {
  const file = new EpochFile(path, now);
  t.after(() => file.close());
  return { file, keys: new EpochKeys(file) };
}
