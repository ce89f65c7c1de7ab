import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { expectDone, expectFailure } from './support/expect.ts';
import { newPerson } from './support/people.ts';
import { startServer } from './support/server.ts';
import { type HttpAnswer, openHandshake, post, publicKeyPem, Suite1Client } from './support/suite1Client.ts';

const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');
const rsaKeys = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });
const pem = (key: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer }): string =>
  key.export({ type: 'spki', format: 'pem' }).toString();

function expectHandshakeRefused(answer: HttpAnswer): void {
  assert.equal(answer.text, '"Error!"');
  assert.equal(answer.status, 404);
  assert.match(answer.contentType, /^application\/json\b/);
}

describe('POST /create_session_key', () => {
  const own = rsaKeys(2048);
  const [long, longer] = [rsaKeys(3072), rsaKeys(4096)];
  const spki = pem(own.publicKey);
  const pkcs1 = own.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const accepted = [
    { what: 'lower-case hex', publicKey: hex(spki), keys: own },
    { what: 'upper-case hex', publicKey: hex(spki).toUpperCase(), keys: own },
    { what: 'no final newline', publicKey: hex(spki.trimEnd()), keys: own },
    { what: 'CRLF line ends', publicKey: hex(spki.replaceAll('\n', '\r\n')), keys: own },
    { what: 'CRLF without a final line end', publicKey: hex(spki.trimEnd().replaceAll('\n', '\r\n')), keys: own },
    { what: 'a PKCS#1 PEM', publicKey: hex(pkcs1), keys: own },
    { what: 'a PKCS#1 PEM without a final newline', publicKey: hex(pkcs1.trimEnd()), keys: own },
    { what: 'RSA 3072', publicKey: hex(pem(long.publicKey)), keys: long },
    { what: 'RSA 4096', publicKey: hex(pem(longer.publicKey)), keys: longer },
  ];
  const elliptic = pem(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey);
  const edwards = pem(generateKeyPairSync('ed25519').publicKey);
  const damaged = spki.replace('MIIB', 'AIIB');
  const refused = [
    { what: 'RSA 1024', body: { public_key: hex(pem(rsaKeys(1024).publicKey)) } },
    { what: 'an elliptic curve key', body: { public_key: hex(elliptic) } },
    { what: 'an Ed25519 key', body: { public_key: hex(edwards) } },
    { what: 'hex of something else', body: { public_key: hex('no key at all') } },
    { what: 'a damaged PEM', body: { public_key: hex(damaged) } },
    { what: 'half a PEM', body: { public_key: hex(spki.slice(0, spki.length / 2)) } },
    { what: 'a PEM that is not hex-coded', body: { public_key: spki } },
    { what: 'hex with a digit missing', body: { public_key: hex(spki).slice(0, -1) } },
    { what: 'hex with a wrong digit', body: { public_key: `g${hex(spki).slice(1)}` } },
    { what: 'an empty text', body: { public_key: '' } },
    { what: 'a missing key', body: {} },
    { what: 'a number', body: { public_key: 17 } },
    { what: 'null', body: { public_key: null } },
    { what: 'a list', body: { public_key: [hex(spki)] } },
  ];

  test('over HTTP', async (t) => {
    const server = await startServer(t);
    for (const { what, publicKey, keys } of accepted) {
      await t.test(`accepts ${what}`, async () => {
        const answer = await post(server, '/create_session_key', JSON.stringify({ public_key: publicKey }));
        const client = new Suite1Client(server, openHandshake(answer, keys.privateKey));
        expectFailure(await client.decrypt('anything'), 201, 'No authorization');
      });
    }
    for (const { what, body } of refused) {
      await t.test(`refuses ${what}`, async () => {
        expectHandshakeRefused(await post(server, '/create_session_key', JSON.stringify(body)));
      });
    }

    await t.test('ignores unknown fields', async () => {
      const body = JSON.stringify({ session_key: 1, public_key: hex(publicKeyPem), suite: { any: ['thing'] } });
      openHandshake(await post(server, '/create_session_key', body));
    });

    await t.test('gives fresh keys each time, to the same client too', async () => {
      const [one, other] = [await Suite1Client.handshake(server), await Suite1Client.handshake(server)];
      assert.notEqual(one.keys.aesKey, other.keys.aesKey);
      assert.notEqual(one.keys.sessionKey, other.keys.sessionKey);
      expectDone(await one.call('/register_user', { ...newPerson() }));
      expectFailure(await other.encrypt('anyone', 'not logged in by the other one'), 201, 'No authorization');
    });
  });
});
