// Limits the size of the SDK in browsers: the code behind `connect`, minified and compressed.
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type OutputFile } from 'esbuild';
import { report } from './source-files.ts';

export const MAX_BYTES = 18 * 1024;

export interface BundleSizes {
  /** With ML-KEM in WebCrypto, so that its fallback is not loaded. */
  readonly native: number;
  /** Without ML-KEM in WebCrypto. */
  readonly withFallback: number;
}

const size = (file: OutputFile): number => gzipSync(file.contents, { level: 9 }).length;

/** Measures bundles of the SDK, in bytes after minification and gzip. */
export async function measureBundle(root: string): Promise<BundleSizes> {
  const options = {
    absWorkingDir: root,
    entryPoints: ['src/client/index.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    outdir: 'dist/bundle',
    metafile: true,
    write: false,
  } as const satisfies BuildOptions;

  const whole = await build(options);
  const split = await build({ ...options, splitting: true });
  const { outputs } = split.metafile;
  const loaded = new Set<string>();
  const load = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { path, kind } of outputs[file]?.imports ?? []) if (kind === 'import-statement') load(path);
  };
  load('dist/bundle/index.js');
  const isLoaded = ({ path }: OutputFile) => [...loaded].some((file) => path === join(root, file));
  return {
    native: split.outputFiles.filter(isLoaded).reduce((sum, file) => sum + size(file), 0),
    withFallback: whole.outputFiles.reduce((sum, file) => sum + size(file), 0),
  };
}

/** @returns a line if the SDK is too large */
export function checkBundle({ withFallback }: BundleSizes): string[] {
  return withFallback > MAX_BYTES ? [`the SDK has ${withFallback} bytes, more than ${MAX_BYTES}`] : [];
}

if (import.meta.main) {
  const sizes = await measureBundle(process.cwd());
  process.stdout.write(`SDK: ${sizes.native} bytes with native ML-KEM, ${sizes.withFallback} with its fallback\n`);
  report('bundle', checkBundle(sizes));
}
