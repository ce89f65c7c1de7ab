// `npm run check`: the checks of CI other than the tests. All of them run, so that one run reports everything.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename } from 'node:path';

/** Arguments of a `node` that exits with another code than 0 if the check fails. */
type Check = { name: string; args: string[] };

const OWN_CHECKS = globSync('tools/check-*.ts')
  .filter((file) => !file.endsWith('.test.ts'))
  .sort()
  .map((file): Check => ({ name: basename(file, '.ts'), args: [file] }));

const CHECKS: Check[] = [
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  { name: 'lint and format', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'] },
  ...OWN_CHECKS,
];

function passes({ name, args }: Check): boolean {
  process.stdout.write(`--- ${name}\n`);
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;
}

const failed = CHECKS.filter((check) => !passes(check)).map((check) => check.name);
const verdict = failed.length === 0 ? 'all passed' : `FAILED: ${failed.join(', ')}`;
process.stdout.write(`--- ${CHECKS.length} checks, ${verdict}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
