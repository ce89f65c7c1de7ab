// Lists the files for the checks and prints their results.
import { globSync } from 'node:fs';
import { sep } from 'node:path';

/** The TypeScript files below these folders of `root`, as sorted paths relative to `root` with `/`. */
export function sourceFiles(root: string, folders: string[]): string[] {
  const patterns = folders.map((folder) => `${folder}/**/*.ts`);
  return globSync(patterns, { cwd: root, exclude: ['**/node_modules/**'] })
    .map((file) => file.split(sep).join('/'))
    .sort();
}

/** Prints the violations that a check found and sets the exit code of the process. */
export function report(what: string, violations: string[]): void {
  for (const violation of violations) process.stdout.write(`${violation}\n`);
  process.stdout.write(`${what}: ${violations.length === 0 ? 'ok' : `${violations.length} found`}\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
