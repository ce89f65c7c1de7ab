// Short ciphertexts: form, recipients, quotas.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import {
  createMessagesHarness,
  decryptBody,
  locatorOf,
  type MessagesHarness,
} from '../../../test/support/tokenMessages.ts';
import { deleteUser } from '../store/users.ts';
import { createSpaceBudget } from './byteBudget.ts';
import { isShortCiphertext, ShortCiphertexts } from './shortCiphertexts.ts';
import { openBody } from './storedBody.ts';

const idOf = ({ ids }: MessagesHarness, name: string) => ids[name] ?? assert.fail(`no user ${name}`);

async function createHarness(t: TestContext, { isEnabled = true, quotaBytes = 2 ** 30, maxBytes = 2 ** 30 } = {}) {
  const harness = await createMessagesHarness(await openTestStore(t));
  const { keyring, run, now } = harness;
  const reserveSpace = createSpaceBudget(maxBytes, now);
  const short = new ShortCiphertexts({ keyring, isEnabled, quotaBytes, reserveSpace, clock: now });
  return {
    ...harness,
    advance: harness.advance,
    store: (text: string, from = 'ada') =>
      run(async (tx) => {
        const [senderId, recipientId] = [idOf(harness, from), idOf(harness, 'bob')];
        const key = await keyring.currentKey(tx, recipientId, now());
        return short.store(tx, { senderId, recipientId, sentAt: now(), text, key });
      }),
    open: (name: string, ciphertext: string) => run((tx) => short.open(tx, idOf(harness, name), ciphertext)),
    rows: () => harness.store.transaction(({ db }) => db.selectFrom('token_messages').selectAll().execute()),
    remove: (name: string) => run((tx) => deleteUser(tx, idOf(harness, name))),
    ada: idOf(harness, 'ada'),
  };
}

test('24 characters for a text of any length; only the recipient opens it, any number of times', async (t) => {
  const { store, open, ada, now } = await createHarness(t);
  for (const text of ['', 'Hi', 'für immer', 'x'.repeat(5_000), 'x'.repeat(1024 * 1024)]) {
    const ciphertext = (await store(text)) ?? assert.fail('not stored');
    assert.match(ciphertext, /^[A-Za-z0-9_-]{24}$/);
    for (let n = 0; n < 2; n += 1) {
      const opened = (await open('bob', ciphertext)) ?? assert.fail('not opened');
      assert.deepEqual([opened.text, opened.sentAt], [text, now()]);
      assert.ok(opened.senderId && Buffer.compare(opened.senderId, ada) === 0);
    }
    assert.equal((await open('bob', ` ${ciphertext.slice(0, 9)}\r\n${ciphertext.slice(9)}\n`))?.text, text);
    for (const name of ['ada', 'eve']) assert.equal(await open(name, ciphertext), undefined);
  }
});

test('the ciphertext is the token and its check value; the body is that of a token message', async (t) => {
  const { store, rows, keyring, run, ids } = await createHarness(t);
  const bytes = Buffer.from((await store('text')) ?? '', 'base64url');
  const token = bytes.subarray(0, 16);
  const check = createHash('sha256').update('vws token check').update(token).digest().subarray(0, 2);
  assert.deepEqual(bytes.subarray(16), check);
  const [row = assert.fail('no row')] = await rows();
  assert.deepEqual(Buffer.from(row.locator), locatorOf(token));
  const key = await run((tx) => keyring.keyOfVersion(tx, ids.bob ?? assert.fail(), row.key_version));
  assert.equal(decryptBody(token, openBody(key, row, row.sealed_body ?? assert.fail())), 'text');
  const { origin, expires_at, max_opens, receipt, opens, ended_at, sender_name } = row;
  assert.deepEqual(
    [origin, expires_at, max_opens, receipt, opens, ended_at, sender_name],
    [2, null, null, 0, 0, null, ''],
  );
});

test('every altered character is refused by the check value or the locator', async (t) => {
  const { store, open } = await createHarness(t);
  const ciphertext = (await store('text')) ?? assert.fail('not stored');
  for (let at = 0; at < ciphertext.length; at += 1) {
    const other = ciphertext[at] === 'A' ? 'B' : 'A';
    assert.equal(await open('bob', ciphertext.slice(0, at) + other + ciphertext.slice(at + 1)), undefined);
  }
  for (const text of ['', 'A'.repeat(23), 'A'.repeat(25), `${'A'.repeat(23)}+`]) assert.ok(!isShortCiphertext(text));
});

test('beyond the quota of the sender, beyond the space of the server, and switched off: nothing is stored', async (t) => {
  const limited = await createHarness(t, { quotaBytes: 512 });
  assert.ok(await limited.store('text'));
  assert.ok(await limited.store('text'));
  assert.equal(await limited.store('text'), undefined);
  assert.ok(await limited.store('text', 'eve'));
  limited.advance(30_000);
  assert.equal(await limited.store('text'), undefined);
  const full = await createHarness(t, { maxBytes: 256 });
  assert.ok(await full.store('text'));
  assert.equal(await full.store('text', 'eve'), undefined);
  const off = await createHarness(t, { isEnabled: false });
  assert.equal(await off.store('text'), undefined);
});

test('the endpoints, quotas and lists of token messages do not see short ciphertexts', async (t) => {
  const harness = await createHarness(t);
  const { store, rules, run, ids, sweep, advance, open } = harness;
  const ciphertext = (await store('text')) ?? assert.fail('not stored');
  const [ada, bob] = [ids.ada ?? assert.fail(), ids.bob ?? assert.fail()];
  const locator = locatorOf(Buffer.from(ciphertext, 'base64url').subarray(0, 16)).toString('base64url');
  for (const act of [
    () => run((tx) => rules.inspect(tx, bob, locator)),
    () => run((tx) => rules.open(tx, bob, locator, false)),
    () => run((tx) => rules.finish(tx, bob, locator)),
  ]) {
    await assert.rejects(act(), { code: 'message_not_found' });
  }
  assert.deepEqual((await run((tx) => rules.listSent(tx, ada, ''))).messages, []);
  advance(1000 * 24 * 3600 * 1000);
  await sweep();
  assert.equal((await open('bob', ciphertext))?.text, 'text');
});

test('it opens after its sender’s account was deleted, and is deleted with its recipient’s', async (t) => {
  const { store, open, rows, remove } = await createHarness(t);
  const ciphertext = (await store('text')) ?? assert.fail('not stored');
  await remove('ada');
  assert.deepEqual((await open('bob', ciphertext))?.senderId, null);
  await remove('bob');
  assert.deepEqual(await rows(), []);
});
