// `npm run build:client`: builds the npm package of the SDK, ES modules with their types, in dist/client.
import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Packages that the SDK imports; their versions are those of the project. */
const DEPENDENCIES = ['@noble/hashes', '@noble/post-quantum', 'hpke'];
const RELATIVE_TS_IMPORT = /((?:from|import\() ?['"]\.[^'"]*)\.ts(?=['"])/g;
const RELATIVE_LINK = /\[([^\]]*)\]\((?!https?:|#)[^)]*\)/g;

/**
 * @param root the folder of the project
 * @param folder the package, which is replaced
 * @throws Error if the SDK does not compile
 */
export function buildClient(root: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', join(root, 'tsconfig.client.json'), '--outDir', folder];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('The SDK does not compile.');

  // The compiler rewrites the imports of the modules, but not those of their types, which older compilers cannot resolve.
  for (const file of globSync('**/*.d.ts', { cwd: folder }).map((name) => join(folder, name))) {
    writeFileSync(file, readFileSync(file, 'utf8').replace(RELATIVE_TS_IMPORT, '$1.js'));
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packageJson(root), null, 2)}\n`);
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const page = readFileSync(join(root, 'docs/sdk.md'), 'utf8');
  // The linked pages are not part of the package.
  writeFileSync(join(folder, 'README.md'), page.replace(RELATIVE_LINK, '$1'));
}

function packageJson(root: string): object {
  const project = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const versionOf = (name: string) => `^${lock.packages[`node_modules/${name}`].version}`;
  return {
    name: 'vws-client',
    version: project.version,
    description: 'Client of VWS servers, for Node.js and browsers',
    license: project.license,
    type: 'module',
    sideEffects: false,
    // The minimum of the @noble packages.
    engines: { node: '>=20.19' },
    exports: { '.': entry('./client/index'), './suite1': entry('./client/suite1/suite') },
    dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, versionOf(name)])),
  };
}

function entry(path: string): object {
  return { types: `${path}.d.ts`, default: `${path}.js` };
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  buildClient(root, join(root, 'dist/client'));
  process.stdout.write('dist/client\n');
}
