// Messages can be encrypted for every registered name, whatever it consists of and however a client puts it into the URL.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { foldUsername } from '../src/server/accounts/username.ts';
import { expectDone, expectFailure, expectMessage } from './support/expect.ts';
import { newPerson, register } from './support/people.ts';
import { openRawConnection, type RawConnection } from './support/rawHttp.ts';
import { startServer, UNLIMITED } from './support/server.ts';
import { runSql } from './support/sql.ts';
import { type HttpResponse, Suite1Client } from './support/suite1Client.ts';

const target = (name: string | Buffer): Buffer => Buffer.concat([Buffer.from('/encrypt/'), Buffer.from(name)]);
const percentEncoded = (name: string): Buffer => target(encodeURIComponent(name));
const everyBytePercentEncoded = (name: string): Buffer =>
  target(Buffer.from(name).toString('hex').replace(/../g, '%$&'));

const names = [
  ...['Anna Maria von und zu', 'Ελένη', '世界', '100%', '%', '%zz', 'a/b', '/a', 'a//b', 'a/../b'],
  ...['a?b=c&d=e', 'c++', '(a)*', ':name', '"quoted"', '<b>', 'back\\slash', 'a|b^c`d', '🎬 and 👩‍👩‍👧'],
  ...['HTTP/1.1', 'me HTTP/1.1', '𠜎'.repeat(64)],
];
/** Names of earlier accounts: existing clients cut a URL at the number sign, and do not encode a percent sign. */
const earlierNames = ['#', 'c#', '%41', '%2F', 'a%20b'];
const latin1Names = ['Zoë Müller', 'ß 50%'];
const dubious = ['.', '..', ' ', ' padded ', 'tab\there', 'line\nbreak', 'nul\0', '\u202egnp.exe', 'x'.repeat(65)];

/** Sends a request in some way over a connection. */
type Send = (connection: RawConnection, body: string) => Promise<HttpResponse>;

async function createHarness(t: TestContext) {
  const server = await startServer(t, UNLIMITED);
  const sender = await register(server, newPerson());

  async function overOwnConnection(work: (connection: RawConnection) => Promise<void>): Promise<void> {
    const connection = await openRawConnection(server.url);
    await work(connection).finally(() => connection.close());
  }
  return {
    server,
    sender,
    overOwnConnection,
    readerNamed: (name: string) => register(server, newPerson(name)),
    /** Encrypts over a connection of its own, as the second request on it. */
    expectReached: (
      reader: Suite1Client,
      path: Buffer,
      text = `for ${path.toString('latin1')}`,
      send: Send = (connection, body) => connection.post(path, body),
    ) =>
      overOwnConnection(async (connection) => {
        const first = sender.prepare('/decrypt', { message: 'not a ciphertext' });
        const refusal = await connection.post(Buffer.from(first.path), first.body);
        expectFailure(sender.accept(first, refusal), 201, 'No authorization');
        const request = sender.prepare('', { message: text }, { note: 'POST /encrypt/a b HTTP/1.1' });
        const answer = sender.accept(request, await send(connection, request.body));
        assert.equal(expectMessage(await reader.decrypt(expectMessage(answer))), text);
      }),
  };
}

test('a message for every kind of name', async (t) => {
  const { server, sender, overOwnConnection, readerNamed, expectReached } = await createHarness(t);

  for (const name of names) {
    await t.test(`name ${name}: reached in every form`, async () => {
      const reader = await readerNamed(name);
      assert.equal(expectMessage(await reader.decrypt(expectMessage(await sender.encrypt(name, 'fetch')))), 'fetch');
      await expectReached(reader, percentEncoded(name));
      await expectReached(reader, everyBytePercentEncoded(name));
      await expectReached(reader, target(name));
    });
  }

  for (const name of earlierNames) {
    await t.test(`name ${name}: refused for new accounts, an earlier account is reached percent-encoded`, async () => {
      const person = newPerson();
      const reader = await register(server, person);
      const client = await Suite1Client.handshake(server);
      expectFailure(await client.call('/register_user', { ...newPerson(name) }), 201, 'Username format not corrected');
      const renaming = { new_username: name, password: person.password };
      expectFailure(await reader.call('/change_username', renaming), 201, 'Username format not corrected');
      const rename = `username = '${name}', username_key = '${foldUsername(name)}'`;
      await runSql(server, `UPDATE users SET ${rename} WHERE username = '${person.username}'`);
      assert.equal(expectMessage(await reader.decrypt(expectMessage(await sender.encrypt(name, 'fetch')))), 'fetch');
      await expectReached(reader, percentEncoded(name));
    });
  }

  for (const name of latin1Names) {
    await t.test(`name ${name}: reached in Latin-1 and in UTF-8`, async () => {
      const reader = await readerNamed(name);
      await expectReached(reader, target(Buffer.from(name, 'latin1')));
      await expectReached(reader, target(name));
    });
  }

  for (const name of dubious) {
    await t.test(`name ${JSON.stringify(name)}: refused, or registered and reached`, async () => {
      const client = await Suite1Client.handshake(server);
      const answer = await client.call('/register_user', { ...newPerson(name) });
      assert.ok(answer.keys, 'the session continues');
      assert.ok(answer.status === 200 || answer.status === 201);
      if (answer.status === 200) await expectReached(client, everyBytePercentEncoded(name));
      else expectDone(await client.call('/register_user', { ...newPerson() }));
    });
  }

  await t.test('names are compared without regard to case and composition', async () => {
    const reader = await readerNamed('Søren Ærlig');
    for (const name of ['søren ærlig', 'SØREN ÆRLIG']) await expectReached(reader, percentEncoded(name));
    const chloe = await readerNamed('Chloé');
    await expectReached(chloe, percentEncoded('Chloé'.normalize('NFD')));
    const other = await Suite1Client.handshake(server);
    const taken = newPerson('Chloé'.normalize('NFD').toUpperCase());
    expectFailure(await other.call('/register_user', { ...taken }), 201, 'Username is busy');
  });

  await t.test('a part of a name reaches no user', async () => {
    for (const name of ['part', 'part one', 'part/two']) await readerNamed(name);
    for (const name of ['part?', 'part?one', 'part one two', 'part/', 'part/two?']) {
      await overOwnConnection(async (connection) => {
        const request = sender.prepare('', { message: 'x' });
        expectFailure(
          sender.accept(request, await connection.post(target(name), request.body)),
          201,
          'User is not found',
        );
      });
    }
  });

  await t.test('1 MiB of text for a name with a space', async () => {
    await expectReached(await readerNamed('a b'), target('a b'), 'x'.repeat(2 ** 20));
  });

  await t.test('a request may arrive in pieces', async (t) => {
    const name = 'Ännchen von Tharau';
    const reader = await readerNamed(name);
    const paths = { 'percent-encoded': percentEncoded(name), 'raw Latin-1': target(Buffer.from(name, 'latin1')) };
    for (const [form, path] of Object.entries(paths)) {
      const end = 'POST '.length + path.length;
      const cuts = {
        'in the name': 'POST /encrypt/'.length + 3,
        'in the protocol': end + ' HTT'.length,
        'in the headers': end + ' HTTP/1.1\r\nUser-Ag'.length,
      };
      for (const [where, cut] of Object.entries(cuts)) {
        // A request line with spaces has to arrive in one piece: docs/decisions/004-names-in-the-path.md.
        if (form !== 'percent-encoded' && where !== 'in the headers') continue;
        await t.test(`${form} name, cut ${where}`, () =>
          expectReached(reader, path, undefined, (connection, body) => connection.postInPieces(path, body, cut)),
        );
      }
    }
  });
});
