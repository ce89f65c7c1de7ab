// Loads the video functions; on first use, setup installs their codecs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { CommandError, Interrupted } from '../errors.ts';

const SETUP = join(import.meta.dirname, '..', '..', '..', 'tools', 'setup', 'video.cjs');
const INTERRUPTED = 130;

/**
 * Installs the codecs if they are missing, and loads the video functions.
 *
 * @throws CommandError `no_video_support` if the codecs cannot be installed
 * @throws Interrupted at Ctrl-C
 */
export async function loadVideo(): Promise<typeof import('../../video/index.ts')> {
  const setup = spawn(process.execPath, [SETUP], { stdio: ['ignore', 'ignore', 'inherit'] });
  // A terminal sends Ctrl-C to both processes. Setup ends npm and releases its lock first.
  const wait = () => {};
  process.on('SIGINT', wait);
  try {
    const [code] = await once(setup, 'exit');
    if (code === INTERRUPTED) throw new Interrupted();
    if (code !== 0) {
      throw new CommandError(
        'Cannot install video support (180 MB); the reason is above. Nothing was sent.',
        'no_video_support',
      );
    }
  } finally {
    process.off('SIGINT', wait);
  }
  await import('../../video/media/node.ts');
  return import('../../video/index.ts');
}
