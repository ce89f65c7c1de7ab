// The import rule, the architecture in one table: protocol <- client <- cli; protocol <- server; inside the server
// main -> app -> http, api -> the domain modules -> store. Types count like values. Circular imports are errors, too.
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { findCycles } from './find-cycles.ts';
import { type Imports, readImports } from './read-imports.ts';
import { report, sourceFiles } from './source-files.ts';

type Place = {
  /** The other places that its files may import. */
  mayImport: string[];
  /** The packages that its files may import; any, if not listed. */
  packages?: string[];
  /** Runs in browsers too: no module and no global of Node.js. */
  inBrowsers?: true;
  /** May use `process`. */
  usesProcess?: true;
};

const DOMAIN = ['accounts', 'keyring', 'limits', 'mail', 'messages', 'sessions'].map((name) => `src/server/${name}`);
const BELOW_API = [...DOMAIN, 'src/server/log.ts', 'src/server/store', 'src/server/crypto', 'src/protocol'];
const BELOW_MAIN = ['src/server/app.ts', 'src/server/config', 'src/server/http', 'src/server/api', ...BELOW_API];
const VIDEO = ['src/video', 'src/video/errors.ts', 'src/video/core', 'src/video/media', 'src/video/media/node.ts'];
const ALL_BUT_MAIN = [...BELOW_MAIN, 'src/client', 'src/cli', 'src/cli/server', ...VIDEO];

/** A file is in the place with the longest name that its path begins with; a source file without a place is an error. */
const PLACES: Record<string, Place> = {
  'src/protocol': { mayImport: [], inBrowsers: true },
  'src/client': { mayImport: ['src/protocol'], inBrowsers: true },
  // Video: the core is pure, and only media knows containers and codecs. The caller loads media/node.ts in Node.js.
  'src/video': {
    mayImport: ['src/video/errors.ts', 'src/video/core', 'src/video/media'],
    packages: ['@noble/hashes'],
    inBrowsers: true,
  },
  'src/video/errors.ts': { mayImport: [], packages: [], inBrowsers: true },
  'src/video/core': { mayImport: [], packages: [], inBrowsers: true },
  'src/video/media': {
    mayImport: ['src/video/errors.ts', 'src/video/core'],
    packages: ['mediabunny'],
    inBrowsers: true,
  },
  'src/video/media/node.ts': { mayImport: ['src/video/media'], packages: ['mediabunny', '@mediabunny/server'] },

  'src/cli': { mayImport: ['src/client', 'src/protocol', 'src/cli/server', ...VIDEO], usesProcess: true },
  // Only the commands that run or move a server import its modules.
  'src/cli/server': {
    mayImport: ['src/cli', 'src/client', 'src/server/main.ts', 'src/server/app.ts', 'src/server/config', ...BELOW_API],
    usesProcess: true,
  },

  'src/server/main.ts': { mayImport: BELOW_MAIN, usesProcess: true },
  'src/server/app.ts': { mayImport: ['src/server/config', 'src/server/http', 'src/server/api', ...BELOW_API] },
  // Settings are parsed into the types of the modules that use them; no module imports the settings.
  'src/server/config': { mayImport: BELOW_API },
  'src/server/log.ts': { mayImport: [] },
  // Of the domain modules, only sessions, which run the requests, and the type of a rate limit.
  'src/server/http': {
    mayImport: ['src/server/sessions', 'src/server/limits', 'src/server/log.ts', 'src/protocol'],
  },
  'src/server/api': { mayImport: [...DOMAIN, 'src/server/store', 'src/protocol'] },
  ...placesAlike(DOMAIN, { mayImport: ['src/server/log.ts', 'src/server/store', 'src/server/crypto', 'src/protocol'] }),
  'src/server/store': { mayImport: ['src/server/crypto', 'src/protocol'] },
  'src/server/crypto': { mayImport: [] },

  test: { mayImport: ALL_BUT_MAIN, usesProcess: true },
  bench: { mayImport: ['test', ...ALL_BUT_MAIN], usesProcess: true },
  tools: { mayImport: ALL_BUT_MAIN, usesProcess: true },
  examples: { mayImport: ['src/client', 'src/protocol'], usesProcess: true },
};

/** Tests next to the sources (`*.test.ts`). Nothing imports a test. */
const TESTS: Place = { mayImport: ['test', ...ALL_BUT_MAIN], usesProcess: true };

const FOLDERS = ['src', 'test', 'bench', 'tools', 'examples'];
const NODE_GLOBAL = /(?<![\w$.])(?:process|Buffer|global|setImmediate|__dirname|__filename)(?![\w$]|\s*\??:)/;
const PROCESS_GLOBAL = /(?<![\w$.])process(?![\w$]|\s*\??:)|\bglobalThis\s*\.\s*process\b/;

function placesAlike(names: string[], place: Place): Record<string, Place> {
  return Object.fromEntries(names.map((name) => [name, place]));
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts');
}

/** A test is in the place of the file that it tests. */
function placeName(file: string): string | undefined {
  const source = file.replace(/\.test\.ts$/, '.ts');
  return Object.keys(PLACES)
    .filter((name) => source === name || source.startsWith(`${name}/`))
    .sort((a, b) => b.length - a.length)[0];
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

function resolve(file: string, specifier: string): string {
  return posix.join(posix.dirname(file), specifier);
}

/** The reason why a file in the place `name` may not import `target`, or undefined if it may. */
function wrongTarget(target: string, name: string, { mayImport }: Place): string | undefined {
  if (isTest(target)) return 'which is a test';
  const targetName = placeName(target);
  if (targetName === name || target.endsWith('.json')) return undefined;
  if (targetName === undefined) return 'which is outside the source folders';
  return mayImport.includes(targetName) ? undefined : `but ${name} may not import ${targetName}`;
}

/** A violation if the place lists its packages and not the one of `specifier`. */
function wrongPackage(specifier: string, name: string, { packages }: Place): string[] {
  const allowed = packages?.some((listed) => specifier === listed || specifier.startsWith(`${listed}/`)) ?? true;
  return allowed ? [] : [`imports ${specifier}, but ${name} may not use that package`];
}

function violationsOf(file: string, { specifiers, isComputed, code }: Imports): string[] {
  const name = placeName(file);
  const place = name !== undefined && isTest(file) ? TESTS : PLACES[name ?? ''];
  if (name === undefined || place === undefined) return ['has no place in the table of tools/check-imports.ts'];

  const violations = specifiers.flatMap((specifier) => {
    if (isRelative(specifier)) {
      const wrong = wrongTarget(resolve(file, specifier), name, place);
      return wrong === undefined ? [] : [`imports ${specifier}, ${wrong}`];
    }
    if (!isBuiltin(specifier)) return wrongPackage(specifier, name, place);
    if (place.inBrowsers) return [`imports ${specifier}, but ${name} runs in browsers`];
    const isProcess = /^(?:node:)?process$/.test(specifier);
    return isProcess && !place.usesProcess ? [`imports ${specifier}, which only main.ts may use`] : [];
  });
  if (isComputed) violations.push('has a computed import, which cannot be checked');
  if (place.inBrowsers && NODE_GLOBAL.test(code))
    violations.push(`uses a global of Node.js, but ${name} runs in browsers`);
  else if (!place.usesProcess && PROCESS_GLOBAL.test(code)) violations.push('uses process, which only main.ts may use');
  return violations;
}

/** @returns a line for each violation of the import rule below `root` */
export function checkImports(root: string): string[] {
  const files = new Map(
    sourceFiles(root, FOLDERS).map((file) => [file, readImports(readFileSync(join(root, file), 'utf8'))]),
  );
  const graph = new Map(
    Array.from(files, ([file, { specifiers }]) => [file, specifiers.filter(isRelative).map((s) => resolve(file, s))]),
  );
  return [
    ...Array.from(files).flatMap(([file, imports]) => violationsOf(file, imports).map((text) => `${file}: ${text}`)),
    ...findCycles(graph).map((cycle) => `circular import: ${cycle.join(' -> ')}`),
  ];
}

if (import.meta.main) report('import rule', checkImports(process.cwd()));
