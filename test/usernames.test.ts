/** Whoever has a name can be written to, whatever the name is made of and however a client puts it into the URL. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { foldUsername } from '../src/server/accounts/username.ts';
import { openStore, type StoreLocation } from '../src/server/store/open.ts';
import { expectDone, expectFailure, expectMessage } from './support/expect.ts';
import { newPerson, register } from './support/people.ts';
import { openRawConnection, type RawConnection } from './support/rawHttp.ts';
import { startServer, type TestServer } from './support/server.ts';
import { type HttpAnswer, Suite1Client } from './support/suite1Client.ts';

const target = (name: string | Buffer): Buffer => Buffer.concat([Buffer.from('/encrypt/'), Buffer.from(name)]);
const percentEncoded = (name: string): Buffer => target(encodeURIComponent(name));
const everyBytePercentEncoded = (name: string): Buffer =>
  target(Buffer.from(name).toString('hex').replace(/../g, '%$&'));

const names = [
  'plain',
  'Anna Maria',
  'Anna Maria von und zu',
  'Jürgen Groß',
  'Ελένη',
  'Łukasz',
  '世界',
  '100%',
  '%',
  '%41',
  '%2F',
  '%zz',
  'a%20b',
  'a/b',
  '/a',
  'a/',
  'a//b',
  'a/../b',
  'who?',
  'a?b=c&d=e',
  'salt&pepper',
  'c++',
  'a=b;c,d',
  '(a)*',
  ':name',
  '{name}',
  '"quoted"',
  "o'hara",
  '<b>',
  'back\\slash',
  'a|b^c`d',
  '~tilde',
  '🎬',
  '🎬 and 👩‍👩‍👧',
  'HTTP/1.1',
  'me HTTP/1.1',
  '𠜎'.repeat(64),
  '🎬'.repeat(64),
  'x'.repeat(64),
];
/** Names of earlier accounts: existing clients cut a URL at the number sign. */
const earlierNames = ['#', 'c#', '#1 fan'];
const latin1Names = ['Jürgen', 'Zoë Müller', 'ÄÖÜ', 'ñandú', 'ß 50%'];

/** Gives an account a name that the rule for new names refuses. */
async function renameInDatabase({ dataDir, databaseUrl }: TestServer, from: string, to: string): Promise<void> {
  const location: StoreLocation = databaseUrl
    ? { engine: 'postgres', url: databaseUrl, poolSize: 1, statementTimeout: 10_000 }
    : { engine: 'sqlite', path: join(dataDir, 'vws.db') };
  const store = await openStore(location, Date.now());
  const name = { username: to, username_key: foldUsername(to) };
  await store.transaction(({ db }) => db.updateTable('users').set(name).where('username', '=', from).execute());
  await store.close();
}

test('a message for every kind of name', async (t) => {
  const server = await startServer(t, { RATE_REGISTRATIONS_PER_MINUTE: '1000', RATE_REGISTRATIONS_PER_HOUR: '1000' });
  const sender = await register(server, newPerson());

  async function readerNamed(name: string): Promise<Suite1Client> {
    return register(server, newPerson(name));
  }

  /** Encrypts over a connection of its own, as the second request on it. */
  async function expectReached(
    reader: Suite1Client,
    path: Buffer,
    send: (connection: RawConnection, body: string) => Promise<HttpAnswer> = (connection, body) =>
      connection.post(path, body),
  ): Promise<void> {
    const connection = await openRawConnection(server.url);
    try {
      const first = sender.prepare('/decrypt', { message: 'no ciphertext' });
      const refusal = await connection.post(Buffer.from(first.path), first.body);
      expectFailure(sender.accept(first, refusal), 201, 'No authorization');
      const text = `for ${path.toString('latin1')}`;
      const request = sender.prepare('', { message: text }, { note: 'POST /encrypt/a b HTTP/1.1' });
      const answer = sender.accept(request, await send(connection, request.body));
      assert.equal(expectMessage(await reader.decrypt(expectMessage(answer))), text);
    } finally {
      connection.close();
    }
  }

  for (const name of names) {
    await t.test(name, async () => {
      const reader = await readerNamed(name);
      assert.equal(expectMessage(await reader.decrypt(expectMessage(await sender.encrypt(name, 'fetch')))), 'fetch');
      await expectReached(reader, percentEncoded(name));
      await expectReached(reader, everyBytePercentEncoded(name));
      await expectReached(reader, target(name));
    });
  }

  for (const name of earlierNames) {
    await t.test(`${name} is refused, and an account that has it is reached percent-encoded`, async () => {
      const person = newPerson();
      const reader = await register(server, person);
      const client = await Suite1Client.handshake(server);
      expectFailure(await client.call('/register_user', { ...newPerson(name) }), 201, 'Username format not corrected');
      const renaming = { new_username: name, password: person.password };
      expectFailure(await reader.call('/change_username', renaming), 201, 'Username format not corrected');
      await renameInDatabase(server, person.username, name);
      assert.equal(expectMessage(await reader.decrypt(expectMessage(await sender.encrypt(name, 'fetch')))), 'fetch');
      await expectReached(reader, percentEncoded(name));
    });
  }

  for (const name of latin1Names) {
    await t.test(`${name} in Latin-1`, async () => {
      const reader = await readerNamed(name);
      await expectReached(reader, target(Buffer.from(name, 'latin1')));
      await expectReached(reader, target(name));
    });
  }

  for (const name of [
    '.',
    '..',
    ' ',
    ' padded ',
    'tab\there',
    'line\nbreak',
    'nul\0',
    '\u202egnp.exe',
    'x'.repeat(65),
  ]) {
    await t.test(`${JSON.stringify(name)} cannot be registered, or can be reached`, async () => {
      const client = await Suite1Client.handshake(server);
      const answer = await client.call('/register_user', { ...newPerson(name) });
      assert.ok(answer.keys, 'the session goes on');
      assert.ok(answer.status === 200 || answer.status === 201);
      if (answer.status === 200) await expectReached(client, everyBytePercentEncoded(name));
    });
  }

  await t.test('a refused name says so, and a good one can follow', async () => {
    const client = await Suite1Client.handshake(server);
    const answer = await client.call('/register_user', { ...newPerson('') });
    assert.equal(answer.status, 201, answer.text);
    assert.ok(answer.error);
    expectDone(await client.call('/register_user', { ...newPerson() }));
  });

  await t.test('case does not matter', async () => {
    const reader = await readerNamed('Søren Ærlig');
    for (const name of ['søren ærlig', 'SØREN ÆRLIG', 'Søren Ærlig']) await expectReached(reader, percentEncoded(name));
  });

  await t.test('nor does the composition of characters', async () => {
    const [composed, decomposed] = ['Chloé', 'Renée'.normalize('NFD')];
    const [chloe, renee] = [await readerNamed(composed), await readerNamed(decomposed)];
    await expectReached(chloe, percentEncoded(composed.normalize('NFD')));
    await expectReached(renee, percentEncoded(decomposed.normalize('NFC')));
    const other = await Suite1Client.handshake(server);
    const taken = newPerson(composed.normalize('NFD').toUpperCase());
    expectFailure(await other.call('/register_user', { ...taken }), 201, 'Username is busy');
  });

  await t.test('a request may arrive in pieces', async (t) => {
    const name = 'Ännchen von Tharau';
    const reader = await readerNamed(name);
    const paths = {
      'percent-encoded': percentEncoded(name),
      'raw UTF-8': target(name),
      'raw Latin-1': target(Buffer.from(name, 'latin1')),
    };
    for (const [form, path] of Object.entries(paths)) {
      const pathStart = 'POST '.length;
      const pathEnd = pathStart + path.length;
      const cuts = {
        'in the method': 2,
        'before the name': pathStart + '/encrypt/'.length,
        'in the first word': pathStart + '/encrypt/'.length + 3,
        'before the last character': pathEnd - 1,
        'after the name': pathEnd,
        'in the protocol': pathEnd + ' HTT'.length,
        'after the request line': pathEnd + ' HTTP/1.1\r\n'.length,
        'in the headers': pathEnd + ' HTTP/1.1\r\nUser-Ag'.length,
      };
      for (const [where, cut] of Object.entries(cuts)) {
        // A request line with spaces has to arrive in one piece: docs/decisions/004-names-in-the-path.md.
        if (form !== 'percent-encoded' && cut < pathEnd + ' HTTP/1.1\r\n'.length) continue;
        await t.test(`${form}, cut ${where}`, () =>
          expectReached(reader, path, (connection, body) => connection.postInPieces(path, body, cut)),
        );
      }
    }
  });

  await t.test('nobody is reached by a part of a name', async () => {
    for (const name of ['part', 'part one', 'part/two']) await readerNamed(name);
    for (const name of ['part?', 'part?one', 'part one?', 'part one two', 'part/', 'part/two/three', 'part/two?']) {
      expectFailure(await sender.encrypt(name, 'x'), 201, 'User is not found');
      const connection = await openRawConnection(server.url);
      const request = sender.prepare('', { message: 'x' });
      const answer = await connection.post(target(name), request.body);
      connection.close();
      expectFailure(sender.accept(request, answer), 201, 'User is not found');
    }
  });

  await t.test('1 MiB of text for a name with a space', async () => {
    const reader = await readerNamed('a b');
    const connection = await openRawConnection(server.url);
    const text = 'x'.repeat(2 ** 20);
    const request = sender.prepare('', { message: text });
    const answer = sender.accept(request, await connection.post(target('a b'), request.body));
    connection.close();
    assert.equal(expectMessage(await reader.decrypt(expectMessage(answer))), text);
  });
});
