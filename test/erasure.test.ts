// Erased token messages are in no file of a SQLite database.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openStore } from '../src/server/store/open.ts';
import { deleteUser } from '../src/server/store/users.ts';
import { newDatabasePath } from './support/storeFixtures.ts';
import { createMessagesHarness, IDLE_MS, locatorOf, type MessagesHarness } from './support/tokenMessages.ts';

/** A piece of a sealed body that is long enough to be unique, and short enough to be on one page. */
const PIECE_LENGTH = 24;
/** Distance of the pieces: less than a page of 4 KiB, so that each page of a body has one. */
const PIECE_DISTANCE = 1000;

async function createHarness(t: TestContext) {
  const store = await openStore({ engine: 'sqlite', path: await newDatabasePath(t) }, 0);
  t.after(() => store.close());
  const names = ['ada', 'bob', 'eve', 'dan'];
  return createMessagesHarness(store, { names, limits: { pairQuotaCount: 10_000, quotaCount: 10_000 } });
}

/** Returns the sealed bodies in the database by the id of their message. */
async function readBodies({ store }: MessagesHarness): Promise<Map<string, Buffer>> {
  const rows = await store.transaction(({ db }) =>
    db.selectFrom('token_messages').select(['message_id', 'sealed_body']).execute(),
  );
  return new Map(
    rows.flatMap(({ message_id, sealed_body }) =>
      sealed_body ? [[Buffer.from(message_id).toString('hex'), Buffer.from(sealed_body)] as const] : [],
    ),
  );
}

/** Counts the pieces of a body that the files of the database contain. */
function countPieces(files: readonly Buffer[], body: Buffer): number {
  let found = 0;
  for (let at = 0; at + PIECE_LENGTH <= body.length; at += PIECE_DISTANCE) {
    const piece = body.subarray(at, at + PIECE_LENGTH);
    if (files.some((file) => file.includes(piece))) found += 1;
  }
  return found;
}

function readFiles({ store }: MessagesHarness): Buffer[] {
  const paths = [store.location, `${store.location}-wal`];
  return paths.filter((path) => existsSync(path)).map((path) => readFileSync(path));
}

/** Checks that the files contain nothing of the bodies except those that are still stored. */
async function checkErased(harness: MessagesHarness, before: ReadonlyMap<string, Buffer>): Promise<void> {
  assert.equal(await harness.store.truncateLog(), true);
  const files = readFiles(harness);
  const stored = await readBodies(harness);
  for (const [id, body] of before) {
    const found = countPieces(files, body);
    if (stored.has(id)) assert.ok(found > 0, 'a stored body is found, so that the search works');
    else assert.equal(found, 0, `${found} pieces of an erased body of ${body.length} bytes`);
  }
}

const revoke = (harness: MessagesHarness, id: string) =>
  harness.run((tx) => harness.rules.revoke(tx, harness.ids.ada ?? assert.fail(), id));

test('revocation, the last open, expiry and the deletion of an account erase bodies of every size', async (t) => {
  const harness = await createHarness(t);
  const texts = ['x', 'x'.repeat(300), 'x'.repeat(3_000), 'x'.repeat(20_000), 'x'.repeat(200_000)];
  for (const text of texts) {
    const kept = await harness.send(text, { username: 'eve' });
    const revoked = await harness.send(text);
    const usedUp = await harness.send(text, { max_opens: '1' });
    await harness.send(text, { expires_in: '60' });
    await harness.send(text, { username: 'dan' });
    const before = await readBodies(harness);
    await revoke(harness, revoked.id);
    await harness.open('bob', usedUp.token);
    await harness.run((tx) => deleteUser(tx, harness.ids.dan ?? assert.fail()).catch(() => {}));
    harness.advance(IDLE_MS);
    await harness.sweep();
    const stored = await readBodies(harness);
    assert.ok(stored.has(kept.id));
    assert.ok(!stored.has(revoked.id) && !stored.has(usedUp.id));
    await checkErased(harness, before);
    await harness.store.transaction(async (tx) => {
      const user = { user_id: harness.ids.dan ?? assert.fail(), username: 'dan', username_key: 'dan', email: 'dan' };
      await tx.db
        .insertInto('users')
        .values({ ...user, email_key: 'dan', password_hash: '', created_at: 0 })
        .execute();
      await harness.keyring.createKey(tx, harness.ids.dan ?? assert.fail(), harness.now());
    });
  }
});

test('rows that move between pages, as they grow, leave no copies of their bodies behind', async (t) => {
  const harness = await createHarness(t);
  const sent: { id: string; token: Buffer }[] = [];
  for (let n = 0; n < 300; n += 1) sent.push(await harness.send('x'.repeat((n * 97) % 700)));
  const before = await readBodies(harness);
  // Every row grows, at another time than its neighbors.
  for (const [n, { token }] of sent.entries()) {
    harness.advance(1);
    if (n % 3 === 0) await harness.open('bob', token);
    if (n % 4 === 1) await harness.open('eve', token).catch(() => {});
  }
  for (const [n, { token, id }] of sent.toReversed().entries()) {
    if (n % 2 === 0) await revoke(harness, id);
    else if (n % 5 === 1)
      await harness.run((tx) =>
        harness.rules.finish(tx, harness.ids.bob ?? assert.fail(), locatorOf(token).toString('base64url')),
      );
  }
  await checkErased(harness, before);
});

test('a reader of another process delays the erasure in the log, and the next attempt completes it', async (t) => {
  const harness = await createHarness(t);
  const { id } = await harness.send('x'.repeat(3_000));
  const before = await readBodies(harness);
  const reader = new DatabaseSync(harness.store.location, { readOnly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM token_messages').get();
  await revoke(harness, id);
  assert.equal(await harness.store.truncateLog(), false);
  reader.close();
  await checkErased(harness, before);
});
