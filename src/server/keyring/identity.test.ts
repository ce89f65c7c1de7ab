// The identity of the server: created once, stored encrypted, or configured.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, verify } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores } from '../../../test/support/storeFixtures.ts';
import type { Store } from '../store/store.ts';
import { fingerprintOf, type Identity, loadIdentity, readIdentityKey } from './identity.ts';
import { MasterKey } from './masterKey.ts';

const masterKey = new MasterKey(randomBytes(32));
const MESSAGE = Buffer.from('a message');
const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

const openTwo = async (t: TestContext) => openTwoStores(t, await newStoreLocation(t));
const load = (store: Store, given?: KeyObject) => loadIdentity(store, masterKey, given, 1_000);
const identities = (store: Store) => store.transaction(({ db }) => db.selectFrom('identities').selectAll().execute());

function assertSigns(identity: Identity): void {
  const raw = { key: Buffer.from(identity.publicKey), format: 'raw-public', asymmetricKeyType: 'ed25519' } as const;
  const signature = identity.sign(MESSAGE);
  assert.equal(signature.length, 64);
  assert.ok(verify(null, MESSAGE, createPublicKey(raw), signature));
}

describe('a stored identity', () => {
  test('is created once by five concurrent starts, and signs the same in all of them', async (t) => {
    const [one, other] = await openTwo(t);
    const loaded = await Promise.all([one, other, one, other, one].map((store) => load(store)));
    assert.equal(new Set(loaded.map(fingerprintOf)).size, 1);
    for (const identity of loaded) assertSigns(identity);
    const rows = await identities(one);
    assert.deepEqual(
      rows.map(({ identity, created_at }) => [Buffer.from(identity).toString('base64url'), created_at]),
      [[fingerprintOf(loaded[0] ?? assert.fail()), 1_000]],
    );
  });

  test('is the same after a restart', async (t) => {
    const [store, later] = await openTwo(t);
    const fingerprint = fingerprintOf(await load(store));
    const again = await loadIdentity(later, masterKey, undefined, 9_000);
    assert.equal(fingerprintOf(again), fingerprint);
    assertSigns(again);
    assert.equal((await identities(store)).length, 1);
  });

  test('differs between databases', async (t) => {
    const [[one], [other]] = [await openTwo(t), await openTwo(t)];
    assert.notEqual(fingerprintOf(await load(one)), fingerprintOf(await load(other)));
  });

  test('is encrypted: without the master key it is neither visible nor usable', async (t) => {
    const [store] = await openTwo(t);
    await load(store);
    const [row] = await identities(store);
    assert.ok(row);
    assert.equal(row.sealed_key.length, 12 + 32 + 16);
    const otherMasterKey = new MasterKey(randomBytes(32));
    await assert.rejects(loadIdentity(store, otherMasterKey, undefined, 0), /identity does not open/);
  });

  test('is rejected if its row was altered, and is not replaced', async (t) => {
    const [store, other] = await openTwo(t);
    await load(store);
    const [row] = await identities(store);
    assert.ok(row);
    const set = (change: { identity?: Uint8Array; sealed_key?: Uint8Array }) =>
      store.transaction(({ db }) => db.updateTable('identities').set(change).execute());
    for (const position of [0, 11, 12, 43, 44, 59]) {
      const altered = Buffer.from(row.sealed_key);
      altered.writeUInt8(altered.readUInt8(position) ^ 1, position);
      await set({ sealed_key: altered });
      await assert.rejects(load(store), /identity does not open: the database was altered or damaged/);
    }
    await set({ sealed_key: row.sealed_key, identity: randomBytes(32) });
    await assert.rejects(load(other), /identity does not open/);
    await set({ identity: row.identity });
    assertSigns(await load(store));
    assert.equal((await identities(store)).length, 1);
  });
});

describe('a configured identity', () => {
  test('takes precedence over the stored one, which is used again without it', async (t) => {
    const [store] = await openTwo(t);
    const own = fingerprintOf(await load(store));
    const { privateKey } = generateKeyPairSync('ed25519');
    const given = await load(store, readIdentityKey(pkcs8(privateKey)));
    assertSigns(given);
    assert.equal(fingerprintOf(given), createPublicKey(privateKey).export({ format: 'jwk' }).x);
    assert.equal(fingerprintOf(await load(store)), own);
    assert.equal((await identities(store)).length, 1);
  });

  test('is not written into the database', async (t) => {
    const [store] = await openTwo(t);
    await load(store, generateKeyPairSync('ed25519').privateKey);
    assert.deepEqual(await identities(store), []);
  });

  test('is read as written by OpenSSL, including white space and line ends', () => {
    // Created by `openssl genpkey -algorithm ed25519`; its public key is that of RFC 8032, section 7.1, test 1.
    const body = 'MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g';
    const pem = `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
    for (const text of [pem, pem.trim(), `\n\n${pem}\n`, pem.replaceAll('\n', '\r\n')]) {
      const publicKey = createPublicKey(readIdentityKey(text)).export({ format: 'raw-public' });
      assert.equal(
        Buffer.from(publicKey).toString('hex'),
        'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      );
    }
  });

  test('is rejected if it is not an Ed25519 key, without quoting it', () => {
    const ed25519 = generateKeyPairSync('ed25519');
    const others = {
      RSA: pkcs8(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
      'P-256': pkcs8(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
      X25519: pkcs8(generateKeyPairSync('x25519').privateKey),
      Ed448: pkcs8(generateKeyPairSync('ed448').privateKey),
    };
    for (const [kind, pem] of Object.entries(others)) {
      assert.throws(() => readIdentityKey(pem), /^Error: is a key for [a-z0-9-]+, not for Ed25519$/, kind);
    }
    const secretBody = pkcs8(ed25519.privateKey).split('\n')[1] ?? assert.fail();
    const none = {
      'an empty text': '',
      'no PEM': secretBody,
      'a public key': ed25519.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      'a damaged key': pkcs8(ed25519.privateKey).replace(secretBody, secretBody.slice(4)),
      'an encrypted key': ed25519.privateKey
        .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
        .toString(),
    };
    for (const [what, pem] of Object.entries(none)) {
      assert.throws(() => readIdentityKey(pem), /^Error: is not a private key in PEM$/, what);
    }
  });
});

test('a fingerprint is the public key in base64url', () => {
  assert.equal(fingerprintOf({ publicKey: new Uint8Array(32).fill(0xfb) }), `${'-_v7'.repeat(10)}-_s`);
});
