// Tests of the test runner.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

let project: string;

before(() => {
  project = mkdtempSync(join(tmpdir(), 'vws-tests-'));
  for (const folder of ['src', 'test', 'tools']) mkdirSync(join(project, folder));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(project, 'src', 'good.test.ts'),
    "import { test } from 'node:test'; test('good', () => {}); test('fine', () => {});",
  );
  writeFileSync(
    join(project, 'test', 'bad.test.ts'),
    "import { test } from 'node:test'; test('bad', () => { throw 1; });",
  );
  writeFileSync(join(project, 'test', 'helper.ts'), 'throw new Error("not a test");');
});

after(() => rmSync(project, { recursive: true }));

/** Runs the tests of the project with these arguments of `npm test --`. */
function runTests(...args: string[]) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // the inner runner would join this one
  const program = join(import.meta.dirname, 'run.ts');
  const { status, stdout } = spawnSync(process.execPath, [program, ...args], { cwd: project, env, encoding: 'utf8' });
  const count = (name: string) => Number(new RegExp(`^\\S+ ${name} (\\d+)$`, 'm').exec(stdout)?.[1]);
  return { status, passed: count('pass'), failed: count('fail') };
}

test('every test file runs, and a failure sets the exit code', () => {
  assert.deepEqual(runTests(), { status: 1, passed: 2, failed: 1 });
});

test('a named file runs alone', () => {
  assert.deepEqual(runTests('src/good.test.ts'), { status: 0, passed: 2, failed: 0 });
});

test('options of the runner are passed on', () => {
  assert.deepEqual(runTests('src/good.test.ts', '--test-name-pattern=fine'), { status: 0, passed: 1, failed: 0 });
});
