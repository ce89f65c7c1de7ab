// The process of `vws`: compile cache, warnings, output errors, and the exit code.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Loading from the cache takes half the time. The folder is inside the project because others must not write to it.
enableCompileCache(join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'vws'));
hideExperimentalWarnings();

// Imported only now, so that the cache applies to them.
const { BROKEN_PIPE, FAILED } = await import('./exitCodes.ts');
const { runProgram } = await import('./program.ts');
const { Shell } = await import('./terminal/shell.ts');

process.stdout.on('error', exitAfterOutputError);
// Notes are optional: the command continues without them.
process.stderr.on('error', () => {});
const shell = new Shell(process);
try {
  process.exitCode = await runProgram(process.argv.slice(2), shell);
} finally {
  shell.close();
}

/** The user of the command did not choose the experimental features of Node.js that it uses. */
function hideExperimentalWarnings(): void {
  const [warn] = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') warn?.(warning);
  });
}

/** A closed pipe, as with `head`, is not an error worth a message. A full disk is. */
function exitAfterOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
  process.stderr.write(`vws: The output cannot be written: ${error.message}.\n`);
  process.exit(FAILED);
}
