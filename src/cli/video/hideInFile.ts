// Hides a payload in a file: checks, progress, a temporary file, and the result.
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Capacity, PatternKey } from '../../video/index.ts';
import { CommandError } from '../errors.ts';
import { Progress } from '../terminal/progress.ts';
import type { Shell } from '../terminal/shell.ts';
import { rethrow } from './failures.ts';
import { withInterrupt } from './interrupt.ts';

type Video = typeof import('../../video/index.ts');

export interface HideRequest {
  readonly clip: string;
  readonly payload: Uint8Array;
  readonly key: PatternKey;
  /** Without its extension if the user named none. */
  readonly out: OutputPath;
  readonly force: boolean;
  readonly strong: boolean;
}

export interface HiddenFile {
  /** For `--json`. */
  readonly result: {
    readonly file: string;
    readonly profile: string;
    readonly strength: string;
    readonly psnr: number;
    readonly verified: readonly string[];
  };
  /** For people. */
  readonly size: string;
}

const LABELS = { look: 'Analyze', change: 'Hide', verify: 'Verify' } as const;

/** The file to write. Without a path from the user, the container decides the extension. */
export type OutputPath = { readonly path: string } | { readonly stem: string };

const USUAL_EXTENSION = '.mp4';

/** @throws CommandError if the file does not exist */
export function requireClip(clip: string): void {
  const found = statSync(clip, { throwIfNoEntry: false });
  if (found === undefined) throw new CommandError(`File not found: ${clip}`);
  if (found.isDirectory()) throw new CommandError(`${clip} is a folder, not a file.`);
}

/** @throws CommandError if the file exists and may not be replaced */
export function outputPath(clip: string, out: string | undefined, force: boolean): OutputPath {
  const stem = join(dirname(clip), `${basename(clip, extname(clip))}.vws`);
  requireFree(out ?? stem + USUAL_EXTENSION, force);
  return out === undefined ? { stem } : { path: out };
}

function requireFree(path: string, force: boolean): void {
  if (!force && existsSync(path))
    throw new CommandError(`${path} exists. Choose another name with --out, or use --force.`);
}

/**
 * Hides a payload, with progress at a terminal. The file appears under its name when it is complete and verified.
 *
 * @param aftermath what is still safe if it fails, as a sentence
 * @throws CommandError
 * @throws Interrupted at Ctrl-C; the temporary file is deleted
 */
export async function hideInFile(
  video: Video,
  request: HideRequest,
  shell: Shell,
  aftermath = 'No file was written.',
): Promise<HiddenFile> {
  const { clip, payload, key, out, force, strong } = request;
  const base = 'path' in out ? out.path : out.stem;
  const temporary = join(dirname(base), `.${basename(base)}.${randomBytes(6).toString('hex')}.part`);
  const progress = new Progress(shell);
  try {
    const { video: blob, ...hidden } = await withInterrupt(async (signal) => {
      const onProgress = showStages(progress, await video.capacity(clip, signal));
      const strength = strong ? ('strong' as const) : ('invisible' as const);
      return video.hide(clip, payload, { key, strength, output: temporary, signal, onProgress });
    });
    progress.end();
    const file = 'path' in out ? out.path : out.stem + (blob.type === 'video/quicktime' ? '.mov' : USUAL_EXTENSION);
    requireFree(file, force);
    await rename(temporary, file);
    const { profile, strength, psnr, verified } = hidden;
    const result = { file, profile, strength, psnr: Math.round(psnr * 10) / 10, verified };
    return { result, size: describeSize((await stat(file)).size) };
  } catch (error) {
    progress.end();
    await rm(temporary, { force: true });
    rethrow(error, clip, aftermath, shell);
  }
}

/** Bars of the three stages, each with a remark. */
function showStages(progress: Progress, { seconds, width, height, framesPerSecond }: Capacity) {
  const time = `${Math.floor(seconds / 60)}:${`${Math.floor(seconds % 60)}`.padStart(2, '0')}`;
  const size = `${time}, ${width}×${height}, ${Math.round(framesPerSecond)} fps`;
  let start: number | undefined;
  const remark = {
    look: () => size,
    change: (share: number) => {
      start ??= performance.now();
      const frames = share * seconds * framesPerSecond;
      return `${Math.round((frames * 1000) / Math.max(1, performance.now() - start))} fps`;
    },
    verify: () => 'read back from the file and from 480p',
  };
  return (stage: keyof typeof remark, share: number) => progress.show(LABELS[stage], share, remark[stage](share));
}

function describeSize(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
