// Token messages with the `vws` command: a walk through the commands, their errors, and a send without a response.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTerminal, registerAt, startProxy } from './support/cli.ts';
import { startServer } from './support/server.ts';
import { startSharedServer } from './support/sharedServer.ts';

const TEXT = 'Grüße an alle \u{1f600}\n\n  und\tmehr\r\n';
const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;

const server = await startSharedServer();

test('send, inspect, open, open again, sent, revoke', async (t) => {
  const [ann, ben, eve] = [await openTerminal(t, server), await openTerminal(t, server), await openTerminal(t, server)];
  await registerAt(ann, 'ann', server);
  await registerAt(ben, 'ben', server);
  await registerAt(eve, 'eve', server);

  const sent = await ann.run('send ben --expires 12h', TEXT);
  assert.equal(sent.code, 0, sent.stderr);
  assert.match(sent.stdout, /^[\w-]{21}[AQgw]\n$/);
  assert.match(sent.stderr, new RegExp(`^Expires ${TIME} UTC. Revoke it with: vws revoke [0-9a-f]{32}\n$`));
  const token = sent.stdout;

  const inspected = await ben.succeed('inspect', token);
  assert.match(inspected, /^from {5}"ann"\nsent {5}\d/);
  assert.match(inspected, /^state {4}active\nopened {3}0 of 1 times\nreceipt {2}yes/m);
  const info = await ben.json('inspect', token);
  const lasts = Date.parse(String(info.expiresAt)) - Date.parse(String(info.sentAt));
  assert.deepEqual([info.sender, info.opens, info.maxOpens, lasts], ['ann', 0, 1, 12 * 3_600_000]);

  assert.deepEqual((await eve.failure('open', token)).at(0), 7);
  const file = join(ben.stateFolder, 'token');
  await writeFile(file, token);
  const opened = await ben.run(`open ${file}`);
  assert.deepEqual([opened.code, opened.stdout], [0, TEXT]);
  assert.match(opened.stderr, new RegExp(`^${TIME} UTC, from "ann":\n$`));
  const [exit, { code }] = await ben.failure(`open ${file}`);
  assert.deepEqual([exit, code], [7, 'message_used_up']);
  assert.match(await ben.succeed('inspect', token), /^opened {3}1 of 1 times, last on /m);

  const list = await ann.run('sent');
  const [heading, row] = list.stdout.split('\n');
  assert.match(heading ?? '', /^recipient {2}state {5}opens {8}expires \(UTC\) {8}id$/);
  assert.match(row ?? '', new RegExp(`^ben {8}used_up {3}1/1 {10}${TIME}  [0-9a-f]{32}$`));
  assert.match(
    list.stderr,
    /^Another account tried to open message [0-9a-f]{32} on .* or ben used another account\.\n$/,
  );

  const { id } = await ann.json('send ben --no-receipt --opens unlimited', 'to be revoked');
  assert.equal(await ann.succeed(`revoke ${id}`), 'revoked\n');
  assert.deepEqual(await ann.json(`revoke ${id}`), { state: 'revoked', opens: null });
  const messages = (await ann.json('sent --all')) as unknown as Record<string, unknown>[];
  assert.deepEqual(
    messages.map(({ recipient, state, opens, maxOpens }) => [recipient, state, opens, maxOpens]),
    [
      ['ben', 'revoked', null, null],
      ['ben', 'used_up', 1, 1],
    ],
  );
});

test('open ends a message with --finish, and decrypts a message of vws encrypt', async (t) => {
  const dan = await openTerminal(t, server);
  await registerAt(dan, 'dan', server);
  const token = await dan.succeed('send dan --opens 5', TEXT);
  assert.equal(await dan.succeed('open --finish', token), TEXT);
  assert.deepEqual((await dan.failure('open', token))[1].code, 'message_finished');
  const message = await dan.succeed('encrypt dan', TEXT);
  assert.equal(await dan.succeed('open', message.replace(/(.{64})/g, '$1\r\n')), TEXT);
  assert.equal((await dan.json('open', message)).text, TEXT);
  assert.equal((await dan.run('open --finish', message)).code, 2);
});

test('errors have the documented exit codes, and a damaged token is not sent', async (t) => {
  const proxy = await startProxy(t, server);
  const fay = await openTerminal(t, proxy);
  assert.equal((await fay.run('send fay', TEXT)).code, 3);
  await registerAt(fay, 'fay', server);
  const failure = async (command: string, input = '') => {
    const [exit, { code }] = await fay.failure(command, input);
    return [exit, code];
  };
  assert.deepEqual(await failure('open', 'AAECAwQFBgcICQoLDA0ODx'), [7, 'invalid_payload']);
  assert.deepEqual(await failure('inspect', 'damaged'), [7, 'invalid_payload']);
  assert.deepEqual(await failure('open'), [7, 'undecryptable_message']);
  assert.ok(!proxy.paths.some((path) => /_message$/.test(path)));
  assert.deepEqual(await failure('open', 'AAECAwQFBgcICQoLDA0ODw'), [7, 'message_not_found']);
  assert.deepEqual(await failure(`revoke ${'0'.repeat(32)}`), [7, 'message_not_found']);
  assert.deepEqual(await failure('send unknown', TEXT), [7, 'user_not_found']);
  assert.deepEqual(await failure('send fay --expires 900d', TEXT), [1, 'invalid_limits']);
  assert.deepEqual(await failure('send fay --opens 1001', TEXT), [1, 'invalid_limits']);
  for (const option of ['--expires 7', '--expires 0d', '--expires 1w', '--opens 0', '--opens many']) {
    assert.deepEqual(await failure(`send fay ${option}`, TEXT), [2, 'wrong_usage'], option);
  }
  assert.deepEqual((await fay.run('send fay', Uint8Array.of(0xff))).code, 1);
});

test('a send without a response: repeated, it prints the token; another command reports it', async (t) => {
  const proxy = await startProxy(t, server);
  const gus = await openTerminal(t, proxy);
  await registerAt(gus, 'gus', server);
  const loseAnswer = async (command: string, input: string) => {
    const lost = proxy.loseResponse('/send_message');
    const { child, result } = gus.start(command, input);
    await lost;
    child.kill('SIGKILL');
    await result;
  };
  await loseAnswer('send gus', 'first');
  assert.equal(await gus.succeed('open', await gus.succeed('send gus', 'first')), 'first');
  await loseAnswer('send gus', 'second');
  const { stderr } = await gus.run('whoami');
  const [, token = ''] = /^An earlier vws send has succeeded\. Its token: (\S+)\n/.exec(stderr) ?? [];
  assert.equal(await gus.succeed('open', token), 'second');
  assert.equal(((await gus.json('sent')) as unknown as unknown[]).length, 2, 'each was sent once');
});

test('sent shows the newest 50 messages, with --all every message', async (t) => {
  const hal = await openTerminal(t, server);
  await registerAt(hal, 'hal', server);
  const ids: unknown[] = [];
  for (let number = 0; number < 51; number += 1) ids.unshift((await hal.json('send hal', `${number}`)).id);
  const list = async (command: string) => {
    const messages = (await hal.json(command)) as unknown as { id: string }[];
    return messages.map(({ id }) => id);
  };
  assert.deepEqual(await list('sent'), ids.slice(0, 50));
  assert.deepEqual(await list('sent --all'), ids);
  assert.match((await hal.run('sent')).stderr, /^There are older messages: vws sent --all\n$/);
});

test('a server without token messages: nothing is sent', async (t) => {
  const target = await startServer(t, { VWS_TOKEN_MESSAGES: 'off' });
  const proxy = await startProxy(t, target);
  const ida = await openTerminal(t, proxy);
  await registerAt(ida, 'ida', target);
  for (const [command, input] of [
    ['send ida', TEXT],
    ['open', 'AAECAwQFBgcICQoLDA0ODw'],
    ['sent', ''],
  ] as const) {
    const [exit, { code }] = await ida.failure(command, input);
    assert.deepEqual([exit, code], [1, 'not_supported'], command);
  }
  assert.ok(!proxy.paths.some((path) => /_messages?$/.test(path)));
});
