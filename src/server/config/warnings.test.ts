// Warnings about settings that expose secrets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Environment, readConfig } from './config.ts';
import { warningsOf } from './warnings.ts';

const WITH_MAIL = { MAIL_SERVER: 'smtp.example.org', MAIL_DEFAULT_SENDER: 'vws@example.org' };
const warnings = (environment: Environment) => warningsOf(readConfig({ ...WITH_MAIL, ...environment }));

test('no warning for a server behind a local proxy, with mail', () => {
  assert.deepEqual(warnings({}), []);
  assert.deepEqual(warnings({ HOST: '::1', TRUSTED_PROXIES: '::1' }), []);
  assert.deepEqual(warnings({ HOST: 'localhost' }), []);
});

test('plain HTTP from other machines', () => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'vws.example.org']) {
    const [warning, ...others] = warnings({ HOST: host });
    assert.equal(
      warning,
      `HOST=${host} accepts plain HTTP from other machines. Put a proxy with HTTPS in front and set TRUSTED_PROXIES.`,
    );
    assert.deepEqual(others, []);
    assert.deepEqual(warnings({ HOST: host, TRUSTED_PROXIES: '10.0.0.1' }), []);
  }
});

test('recovery codes in the log', () => {
  const found = warningsOf(readConfig({ DATA_DIR: '/srv/vws' }));
  assert.deepEqual(found, [
    'Recovery codes are written to the log and to /srv/vws/mailbox. Set MAIL_SERVER to mail them.',
  ]);
});

test('plaintext PostgreSQL on another machine', () => {
  const plain = ['The connection to PostgreSQL at db.example.org is not encrypted. Set DATABASE_CA_FILE.'];
  const far = 'postgres://vws:hunter2@db.example.org/vws';
  const ca = { DATABASE_CA_FILE: '/etc/ssl/ca.pem' };
  assert.deepEqual(warnings({ DATABASE_URL: far }), plain);
  assert.deepEqual(warnings({ DATABASE_URL: `${far}?sslmode=disable`, ...ca }), plain);
  assert.deepEqual(warnings({ DATABASE_URL: 'postgres://vws@localhost/vws?host=db.example.org' }), plain);
  for (const environment of [
    { DATABASE_URL: far, ...ca },
    { DATABASE_URL: `${far}?sslmode=verify-full` },
    { DATABASE_URL: `${far}?ssl=true` },
    { DATABASE_URL: 'postgres://vws@127.0.0.1/vws' },
    { DATABASE_URL: 'postgres://vws@[::1]/vws' },
    { DATABASE_URL: 'postgres://vws@localhost/vws' },
    { DATABASE_URL: 'postgres:///vws?host=/run/postgresql' },
    { DATABASE_URL: 'postgres://vws@%2Frun%2Fpostgresql/vws' },
    { DATABASE_URL: 'sqlite:/srv/vws.db' },
  ]) {
    assert.deepEqual(warnings(environment), [], environment.DATABASE_URL);
  }
  assert.deepEqual(warningsOf(readConfig({ ...WITH_MAIL, DATABASE_URL: far }), 'require'), []);
});
