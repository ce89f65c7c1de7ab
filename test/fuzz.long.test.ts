// A short run of `npm run fuzz`: no input makes the server fail, hang, or lose the session in use.
import { test } from 'node:test';
import { checkEnvironmentFiles } from './fuzz/environment.ts';
import { properties } from './fuzz/properties.ts';
import { openTarget } from './fuzz/target.ts';

const RUNS = 150;
const ENVIRONMENT_RUNS = 500;

test('random input to the server', async (t) => {
  const target = await openTarget(t);
  const seed = Date.now() % 2 ** 31;
  for (const [name, property] of Object.entries(properties)) {
    await t.test(name, () => property(target, { runs: RUNS, seed }));
  }
  target.checkMemory();
});

test('random .env files: a configuration, or an error that names the variable', () => {
  checkEnvironmentFiles({ runs: ENVIRONMENT_RUNS, seed: Date.now() % 2 ** 31 });
});
