// VWS_REGISTRATION and the limits of registration, against real servers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../src/client/index.ts';
import { expectDone, expectFailure } from './support/expect.ts';
import { newPerson, registerVws } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { Suite1Client } from './support/suite1Client.ts';
import { runVws } from './support/vws.ts';

const open = ({ url }: TestServer) => connect(url, { onFirstUse: () => true });

/** Runs `vws invite` with the settings of a server. */
async function invite({ dataDir, databaseUrl }: TestServer, mode: string, ...args: string[]) {
  const environment = {
    DATA_DIR: dataDir,
    VWS_REGISTRATION: mode,
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
  };
  return runVws(['invite', ...args], { environment });
}

test('invite: vws invite prints a code for one registration in suite 2, while the server runs', async (t) => {
  const server = await startServer(t, { VWS_REGISTRATION: 'invite' });
  const { code, stdout, stderr } = await invite(server, 'invite');
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^(\w{4}-){3}\w{4}\n$/);
  const vws = await open(server);
  await assert.rejects(vws.register(newPerson()), { code: 'invite_required', status: 403 });
  await assert.rejects(vws.register({ ...newPerson(), invite: 'x' }), { code: 'invite_required' });
  // A refused registration does not use the code up.
  await assert.rejects(vws.register({ ...newPerson(), email: 'x', invite: stdout }), { code: 'invalid_email' });
  await registerVws(vws, server, { ...newPerson(), invite: stdout });
  await assert.rejects(vws.register({ ...newPerson(), invite: stdout }), { code: 'invite_required' });
  const suite1 = await Suite1Client.handshake(server);
  expectFailure(await suite1.call('/register_user', { ...newPerson() }), 201, 'Registration is closed');
  expectFailure(await suite1.call('/encrypt/ada', { message: 'x' }), 201, 'No authorization');
});

test('closed: refuses both suites, existing users still log in', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  await registerVws(await open(server), server, person);
  assert.match((await invite(server, 'closed')).stderr, /VWS_REGISTRATION is closed/);
  assert.equal((await invite(server, 'invite', '--days', '0')).code, 2);
  const closed = await startServer(t, {
    VWS_REGISTRATION: 'closed',
    ...(server.databaseUrl === undefined
      ? { DATABASE_URL: `sqlite:${server.dataDir}/vws.db` }
      : { DATABASE_URL: server.databaseUrl }),
    VWS_MASTER_KEY_FILE: `${server.dataDir}/master.key`,
  });
  const vws = await open(closed);
  await assert.rejects(vws.register(newPerson()), { code: 'registration_closed', status: 403 });
  await vws.login(person);
  const suite1 = await Suite1Client.handshake(closed);
  expectFailure(await suite1.call('/register_user', { ...newPerson() }), 201, 'Registration is closed');
});

test('an address can ask for few names and addresses in an hour', async (t) => {
  const server = await startServer(t, { RATE_REGISTRATIONS_PER_HOUR: '2' });
  const person = newPerson();
  const client = await Suite1Client.handshake(server);
  expectDone(await client.call('/register_user', { ...person }));
  expectFailure(await client.call('/register_user', { ...newPerson(), email: person.email }), 201, 'Email is busy');
  assert.equal((await client.call('/register_user', { ...newPerson(), email: person.email })).status, 429);
});
