// A server leaves no secret in its database or output, and no user's name in a log.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { expectDone, expectFailure, expectMalformed, expectMessage, expectRefused } from './support/expect.ts';
import { startMailServer } from './support/mail.ts';
import { newPassword, newPerson, type Person } from './support/people.ts';
import { openRawConnection } from './support/rawHttp.ts';
import { startServer, type TestServer } from './support/server.ts';
import { type Fields, post, Suite1Client, type Suite1Response, seal } from './support/suite1Client.ts';
import { databaseFiles, findTraces, processOutput, type Wanted } from './support/traces.ts';

/** Everything sent, to be searched for afterwards. */
interface Said {
  /** Must not be found anywhere. */
  secrets: Wanted[];
  /** Allowed in the database, but not in a log. */
  personal: Wanted[];
}

/** Records the keys of every step of every session. */
class RecordingClient extends Suite1Client {
  readonly said: Said;

  constructor(client: Suite1Client, said: Said) {
    super(client.server, client.keys);
    this.said = said;
    this.#note();
  }

  override async call(path: string, fields: Fields = {}): Promise<Suite1Response> {
    const answer = await super.call(path, fields);
    this.#note();
    return answer;
  }

  #note(): void {
    const { sessionKey, aesKey } = this.keys;
    this.said.secrets.push({ what: 'a session key', value: sessionKey });
    this.said.secrets.push({ what: 'an AES key', value: aesKey });
    this.said.secrets.push({ what: 'an AES key (raw)', value: Buffer.from(aesKey, 'hex') });
  }
}

async function walk(server: TestServer, said: Said, receiveCode: (email: string) => Promise<string>): Promise<void> {
  const begin = async () => new RecordingClient(await Suite1Client.handshake(server), said);
  const password = (value = newPassword()): string => {
    said.secrets.push({ what: 'a password', value });
    return value;
  };
  const message = (value: string): string => {
    said.secrets.push({ what: 'a message', value });
    return value;
  };
  const person = (username: string): Person => {
    const made = { ...newPerson(username), password: password() };
    said.personal.push({ what: 'a username', value: made.username }, { what: 'an email', value: made.email });
    return made;
  };

  const [alice, bob] = [person('Älice Secretive/ö'), person('Bob Secretive?')];
  const [forAlice, forBob] = [await begin(), await begin()];
  expectDone(await forAlice.call('/register_user', { ...alice }));
  expectDone(await forBob.call('/register_user', { ...bob }));

  const texts = ['a short one for Bob', `a long one: ${randomBytes(20_000).toString('hex')}`, 'Ein Wörtchen über 世界'];
  for (const text of texts) {
    const ciphertext = expectMessage(await forAlice.encrypt(bob.username, message(text)));
    said.personal.push({ what: 'a ciphertext', value: ciphertext });
    assert.equal(expectMessage(await forBob.decrypt(ciphertext)), text);
    expectFailure(await forAlice.decrypt(ciphertext), 201, 'No authorization');
  }

  const raw = await openRawConnection(server.url);
  const target = Buffer.from(`/encrypt/${bob.username}`, 'latin1');
  const request = forAlice.prepare('', { message: message('with an unencoded name in the URL') });
  expectMessage(forAlice.accept(request, await raw.post(target, request.body)));
  raw.close();

  const unknown = person('Unknown Secretive');
  expectFailure(await forAlice.encrypt(unknown.username, message('for an unknown user')), 201, 'User is not found');
  expectFailure(await (await begin()).call('/login_user', { ...unknown }), 201, 'Password is wrong');
  expectFailure(await forBob.call('/register_user', { ...alice }), 201, 'Username is busy');
  const badPassword = await forBob.call('/register_user', { ...person('Weak'), password: password('weak-ling') });
  expectFailure(badPassword, 201, 'Password format not corrected');

  const spoilt = forAlice.prepare('/login_user', { email: alice.email, password: alice.password });
  expectMalformed(await post(server, spoilt.path, spoilt.body.slice(0, -1)));
  const plain = { session_key: forAlice.keys.sessionKey, ...alice };
  expectMalformed(await post(server, '/register_user', JSON.stringify(plain)));
  expectMalformed(await post(server, '/register_user', `${alice.password} ${alice.email}`));
  const notText = { ...plain, email: seal(forAlice.keys.aesKey, alice.email), password: { is: alice.password } };
  expectMalformed(await post(server, '/login_user', JSON.stringify(notText)));
  const lost = new Suite1Client(server, { ...forAlice.keys, sessionKey: randomBytes(200).toString('hex') });
  said.secrets.push({ what: 'an unknown session key', value: lost.keys.sessionKey });
  expectRefused(await lost.encrypt(bob.username, 'x'), 404);
  for (const path of [
    `/${alice.email}`,
    `/${encodeURIComponent(alice.username)}`,
    `/login_user?password=${alice.password}`,
  ]) {
    await post(server, path, JSON.stringify(plain));
    await fetch(server.url + path);
  }

  const renamed = person('Alice, newly Secretive');
  expectDone(await forAlice.call('/change_username', { new_username: renamed.username, password: alice.password }));
  const changed = password();
  expectDone(await forAlice.call('/change_password', { password: alice.password, new_password: changed }));

  const forgetful = await begin();
  expectDone(await forgetful.call('/forgot_password', { email: alice.email }));
  const code = await receiveCode(alice.email);
  said.secrets.push({ what: 'a code', value: code });
  expectFailure(await forgetful.call('/confirm_forgot_password', { code: 'WRONG1' }), 201, 'Invalid code');
  expectDone(await forgetful.call('/confirm_forgot_password', { code }));
  expectDone(await forgetful.call('/final_forgot_password', { new_password: password() }));
  expectDone(await forgetful.call('/forgot_password', { email: unknown.email }));

  const guesser = await begin();
  for (let attempt = 1; attempt <= 6; attempt++) {
    await guesser.call('/login_user', { email: bob.email, password: password() });
  }
}

test('no secret is left in the database or the logs', async (t) => {
  const masterKey = randomBytes(32);
  const mail = await startMailServer(t);
  const server = await startServer(t, { ...mail.settings, VWS_MASTER_KEY: masterKey.toString('hex') });
  const said: Said = {
    secrets: [
      { what: 'the master key', value: masterKey.toString('hex') },
      { what: 'the master key (raw)', value: masterKey },
      { what: 'the password of the mail server', value: mail.password },
    ],
    personal: [],
  };
  await walk(server, said, mail.codeFor);
  const everything = [...said.secrets, ...said.personal];

  await t.test('all kinds of secrets were used', () => {
    const count = (what: string) => everything.filter((wanted) => wanted.what === what).length;
    assert.ok(count('a session key') > 30);
    assert.equal(count('a code'), 1);
    assert.ok(count('a password') > 8 && count('a message') >= 5 && count('an email') >= 4);
  });

  await t.test('no secret in the database while the server runs', async () => {
    const files = await databaseFiles(server);
    const places = server.databaseUrl ? ['users', 'session_steps'] : ['vws.db', 'vws.db-wal'];
    assert.ok(
      places.every((place) => files.has(place)),
      [...files.keys()].join(),
    );
    assert.deepEqual(findTraces(files, said.secrets), []);
  });

  await t.test('no secret and no personal data in the log', () => {
    assert.deepEqual(findTraces(processOutput(server), everything), []);
  });

  await t.test('no secret in the database and the log after the server has stopped', async () => {
    await server.stop();
    const files = await databaseFiles(server);
    assert.deepEqual(findTraces(files, said.secrets), []);
    assert.deepEqual(findTraces(processOutput(server), everything), []);
    // Control: the same search finds data that is known to be present.
    const names = said.personal.filter(({ what }) => what === 'a username');
    assert.notDeepEqual(findTraces(files, names), []);
    const listening = [{ what: 'the port', value: new URL(server.url).host }];
    assert.notDeepEqual(findTraces(processOutput(server), listening), []);
  });
});

test('a generated master key is stored next to the database, not in it', async (t) => {
  const server = await startServer(t);
  const file = join(server.dataDir, 'master.key');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const masterKey = Buffer.from((await readFile(file, 'utf8')).trim(), 'hex');
  assert.equal(masterKey.length, 32);
  const wanted = [
    { what: 'the master key', value: masterKey.toString('hex') },
    { what: 'the master key (raw)', value: masterKey },
  ];
  assert.deepEqual(findTraces(await databaseFiles(server), wanted), []);
  assert.deepEqual(findTraces(processOutput(server), wanted), []);
});
