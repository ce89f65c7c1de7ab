// The SDK stays small: what a browser loads for all of `connect`, minified and compressed, has a limit.
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type OutputFile } from 'esbuild';
import { report } from './source-files.ts';

const MAX_BYTES = 16 * 1024;

export interface BundleSizes {
  /** Where WebCrypto has ML-KEM: the rest stays on the server. */
  readonly native: number;
  /** Where it has not. */
  readonly withFallback: number;
}

const size = (file: OutputFile): number => gzipSync(file.contents, { level: 9 }).length;

/** What bundles of the SDK weigh, in bytes after minification and gzip. */
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

/** What is too large, a line each. */
export function checkBundle({ withFallback }: BundleSizes): string[] {
  return withFallback > MAX_BYTES ? [`the SDK has ${withFallback} bytes, more than ${MAX_BYTES}`] : [];
}

if (import.meta.main) {
  const sizes = await measureBundle(process.cwd());
  process.stdout.write(`SDK: ${sizes.native} bytes with native ML-KEM, ${sizes.withFallback} with its fallback\n`);
  report('bundle', checkBundle(sizes));
}
