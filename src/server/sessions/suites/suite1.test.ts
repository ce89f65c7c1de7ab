// Suite 1: sealed fields, handshake, requests, responses, session keys.
import assert from 'node:assert/strict';
import { createCipheriv, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { publicKeys } from '../../../../test/support/publicKeys.ts';
import { openHandshake, openResponse, publicKeyPem } from '../../../../test/support/suite1Client.ts';
import { type Endpoint, endpoints } from '../../../protocol/endpoints.ts';
import { Problem, type ProblemCode, problems } from '../../../protocol/problems.ts';
import { SESSION_KEY_ALPHABET, SESSION_KEY_LENGTH } from '../../../protocol/suite1.ts';
import type { Transaction } from '../../store/store.ts';
import type { Body, Handshake, ResponseFields, WireResponse } from './suite.ts';
import { open, seal, suite1 } from './suite1.ts';

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
const OTHER_KEY = Buffer.from('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', 'hex');

/** Created with `printf TEXT | openssl enc -aes-256-ecb -K KEY -base64 -A`. */
const VECTORS: readonly (readonly [key: Buffer, text: string, sealed: string])[] = [
  [KEY, '', 'nzt1BJJvi9NuMRjpA6TNSg=='],
  [KEY, 'a', 'mnW87AO8/yfabktYcgHB7w=='],
  [KEY, 'exactly 16 bytes', '5XMsaIQSpW+f5D7cp1cXdZ87dQSSb4vTbjEY6QOkzUo='],
  [KEY, 'Grüße, 🐘', 'XxszpZC8a3VXGKv2eCyaOA=='],
  [OTHER_KEY, 'secret', '1ypaUxeFnanzuWs4K2tQ/Q=='],
  [OTHER_KEY, '\ufeffBOM', '2XR+uvuEsOQOOudgU2dxXw=='],
  [OTHER_KEY, '\0\n\r\t', 'vCs0WX0Wk+bGQT9ZlNYFZA=='],
  [
    KEY,
    '0123456789abcdef'.repeat(4),
    '2MlXWOM1PlMPpSvRDnO5htjJV1jjNT5TD6Ur0Q5zuYbYyVdY4zU+Uw+lK9EOc7mG2MlXWOM1PlMPpSvRDnO5hp87dQSSb4vTbjEY6QOkzUo=',
  ],
];

/** Properties of a request that the suite ignores. */
const received = { sessionKey: 'ignored', bytes: [], address: 'ignored', recipientNames: [] };

/** Returns the parts of a handshake that opened a session. */
function opened({ response, session }: Handshake) {
  assert.ok(session);
  return { answer: response, ...session };
}

const http = ({ status, body }: WireResponse) => ({ status, text: body, contentType: 'application/json' });
const hex = (text: string) => Buffer.from(text).toString('hex');

describe('sealed fields', () => {
  for (const [key, text, sealed] of VECTORS) {
    test(`match those of OpenSSL: ${JSON.stringify(text)}`, () => {
      assert.equal(seal(key, text), sealed);
      assert.equal(open(key, sealed), text);
    });
  }

  test('round trip for any text', () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());
    fc.assert(
      fc.property(key, text, (bytes, plain) => {
        const sealed = seal(bytes, plain);
        assert.equal(open(bytes, sealed), plain);
        const blocks = Math.floor(Buffer.byteLength(plain) / 16) + 1;
        assert.equal(sealed.length, Math.ceil((blocks * 16) / 3) * 4);
      }),
    );
  });

  test('may contain the line breaks of some base64 encoders', () => {
    const text = 'a text of several lines of base64, '.repeat(10);
    const sealed = seal(KEY, text);
    assert.equal(open(KEY, sealed.replace(/.{76}/g, '$&\r\n')), text);
    assert.equal(open(KEY, ` ${sealed}\n`), text);
  });

  test('open() returns undefined for anything else', () => {
    const any = fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(any, (text) => {
        const opened = open(KEY, text);
        // If random input opens, sealing the result must give the same block.
        if (opened !== undefined) assert.equal(seal(KEY, opened), text.replace(/\s/g, ''));
      }),
    );
  });
});

describe('suite 1 request', () => {
  const endpoint: Endpoint = endpoints.registerUser;
  const good = { username: seal(KEY, 'Ada'), email: seal(KEY, 'ada@example.org'), password: seal(KEY, '') };
  const openRequest = (body: Body) => suite1.decrypt(KEY, { ...received, endpoint, body }).fields;

  test('is decrypted to the fields of its endpoint only', () => {
    assert.deepEqual(openRequest({ ...good, session_key: 'x', more: { of: 'anything' } }), {
      username: 'Ada',
      email: 'ada@example.org',
      password: '',
    });
  });

  /** Seals bytes that are not valid UTF-8. */
  function sealBytes(bytes: Buffer, padding = true): string {
    const cipher = createCipheriv('aes-256-ecb', KEY, null).setAutoPadding(padding);
    return Buffer.concat([cipher.update(bytes), cipher.final()]).toString('base64');
  }

  const sealed = seal(KEY, 'exactly 16 bytes');
  const malformed: Record<string, unknown> = {
    missing: undefined,
    null: null,
    'a number': 5,
    'a truth value': true,
    'a list': [sealed],
    'an object': { sealed },
    'an empty text': '',
    'white space': ' \n',
    'a clear text': 'ada@example.org',
    'not whole blocks': Buffer.alloc(15).toString('base64'),
    'a block too few': sealed.slice(0, 20),
    base64url: sealed.replaceAll('+', '-').replaceAll('/', '_'),
    'base64 without its padding': sealed.replace(/=+$/, ''),
    'base64 with too much padding': `${sealed.slice(0, -1)}===`,
    'padding in the middle': `${seal(KEY, 'a')}${seal(KEY, 'b')}`,
    hex: Buffer.from(sealed, 'base64').toString('hex'),
    'sealed under another key': seal(OTHER_KEY, 'Ada'),
    'padded wrongly': sealBytes(Buffer.alloc(16, 'x'), false),
    'padded with zeros': sealBytes(Buffer.alloc(16), false),
    'not UTF-8': sealBytes(Buffer.from([0xff, 0xfe])),
    'half a surrogate pair': sealBytes(Buffer.from([0xed, 0xa0, 0x80])),
  };
  for (const [what, value] of Object.entries(malformed)) {
    for (const name of Object.keys(good)) {
      test(`is rejected if ${name} is ${what}`, () => {
        assert.throws(() => openRequest({ ...good, [name]: value }), {
          code: 'malformed_request',
          detail: new RegExp(`^The field ${name} `),
        });
      });
    }
  }

  test('is rejected if a field is inherited', () => {
    assert.throws(() => openRequest(Object.create(good)), { code: 'malformed_request' });
  });
});

describe('suite 1 handshake', () => {
  const tx = {} as Transaction;
  const handshake = (pem: string) => suite1.openHandshake(tx, { public_key: hex(pem) });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

  test('encrypts the AES key for the private key, and the session key under the AES key', async () => {
    const { keys, answer } = opened(await handshake(pemOf(rsa.publicKey)));
    const held = openHandshake(http(answer), rsa.privateKey);
    assert.equal(held.sessionKey, keys.sessionKey);
    assert.equal(held.aesKey, Buffer.from(keys.secret).toString('hex'));
    assert.equal(keys.secret.length, 32);
    assert.throws(() => openHandshake(http(answer)), /decoding error|oaep|too large for modulus/i);
  });

  const pem = publicKeyPem;
  const accepted: Record<string, string> = {
    'RSA 3072': publicKeys.rsa3072,
    'RSA 4096': publicKeys.rsa4096,
    'PKCS#1': publicKeys.rsaPkcs1,
    'the exponent 3': publicKeys.rsaExponent3,
    'an exponent just below 2³²': publicKeys.rsaExponentBelow2To32,
    'no final line end': pem.trimEnd(),
    'CRLF line ends': pem.replaceAll('\n', '\r\n'),
    'one long line': pem.replace(/(?<=-----\n)[^-]+/, (body) => `${body.replaceAll('\n', '')}\n`),
    'empty lines around it': `\n\n${pem}\n\n`,
  };
  for (const [what, text] of Object.entries(accepted)) {
    test(`accepts a key with ${what}`, async () => {
      const { answer } = opened(await handshake(text));
      const { ciphertext } = JSON.parse(answer.body) as { ciphertext: string };
      const { modulusLength = 0 } = createPublicKey(text.trim()).asymmetricKeyDetails ?? {};
      assert.equal(ciphertext.length, (modulusLength / 8) * 2);
    });
  }

  test('accepts upper-case hex', async () => {
    const { answer } = opened(await suite1.openHandshake(tx, { public_key: hex(pem).toUpperCase() }));
    assert.equal(answer.status, 200);
  });

  test('gives each session a unique id', async () => {
    const ids = [opened(await handshake(pem)).id, opened(await handshake(pem)).id];
    assert.deepEqual(
      ids.map(({ length }) => length),
      [16, 16],
    );
    assert.notDeepEqual(ids[0], ids[1]);
  });

  const refused: Record<string, unknown> = {
    missing: undefined,
    'a number': 7,
    'an empty text': '',
    'the PEM itself': pem,
    base64: Buffer.from(pem).toString('base64'),
    'hex of nothing sensible': hex('a key'),
    'hex with an odd digit': `${hex(pem)}0`,
    'hex with a stranger in it': `${hex(pem).slice(0, -1)}g`,
    'too long': hex(pem + '\n'.repeat(4096)),
    'RSA 1024': hex(publicKeys.rsa1024),
    'RSA 2047': hex(publicKeys.rsa2047),
    'RSA 4104': hex(publicKeys.rsa4104),
    'an exponent above 2³²': hex(publicKeys.rsaExponentAbove2To32),
    'RSA for signatures with PSS': hex(publicKeys.rsaPss),
    EC: hex(publicKeys.ec),
    Ed25519: hex(publicKeys.ed25519),
    'a private key': hex(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    'two keys': hex(pem + pem),
    'cut off': hex(`${pem.slice(0, 200)}\n-----END PUBLIC KEY-----\n`),
    'a PKCS#1 head on another key': hex(pem.replaceAll('PUBLIC', 'RSA PUBLIC')),
  };
  for (const [what, public_key] of Object.entries(refused)) {
    test(`refuses a key that is ${what}`, async () => {
      await assert.rejects(suite1.openHandshake(tx, { public_key }), { code: 'handshake_refused' });
    });
  }
});

/** Decrypts a request without fields. */
const openEmpty = (secret: Uint8Array) => suite1.decrypt(secret, { ...received, endpoint: endpoints.logOut, body: {} });

describe('suite 1 response', () => {
  const SECRET = randomBytes(32);
  const sealResponse = (content: ResponseFields | Problem) => openEmpty(SECRET).seal(content);
  const request = { path: '/x', body: '', keys: { sessionKey: '', aesKey: SECRET.toString('hex') } };

  test('has the new AES key under the old one, and the other fields under the new one', () => {
    const { keys, response: answer } = sealResponse({ message: 'Grüße' });
    const opened = openResponse(request, http(answer));
    assert.equal(opened.status, 200);
    assert.equal(opened.message, 'Grüße');
    assert.equal(opened.error, undefined);
    assert.equal(opened.keys?.sessionKey, keys.sessionKey);
    assert.equal(opened.keys?.aesKey, Buffer.from(keys.secret).toString('hex'));
  });

  test('has values other than strings as JSON', () => {
    const list = [{ id: 'Grüße', current: true, started_at: null }];
    const { keys, response: answer } = sealResponse({ sessions: list });
    const { sessions } = JSON.parse(answer.body) as { sessions: string };
    assert.deepEqual(JSON.parse(open(keys.secret, sessions) ?? ''), list);
  });

  for (const [code, { suite1: form }] of Object.entries(problems)) {
    if (form.kind !== 'response') {
      test(`cannot report ${code}, which has no keys`, () => {
        assert.throws(() => sealResponse(new Problem(code as ProblemCode)), /suite 1 has no response with keys/);
      });
      continue;
    }
    test(`reports ${code} unencrypted, next to the keys`, () => {
      const { response: answer } = sealResponse(new Problem(code as ProblemCode));
      const opened = openResponse(request, http(answer));
      assert.equal(opened.status, form.status);
      assert.equal(opened.error, form.sentence);
      assert.deepEqual(Object.keys(opened.body as object).sort(), ['ciphertext', 'error', 'session_key']);
    });
  }
});

describe('session keys', () => {
  const ANSWERS = 400;
  const keys = Array.from({ length: ANSWERS }, () => openEmpty(KEY).seal({ fields: {} }).keys.sessionKey);

  test('have 400 characters of the alphabet and are unique', () => {
    assert.equal(SESSION_KEY_LENGTH, 400);
    assert.equal(SESSION_KEY_ALPHABET, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789');
    for (const key of keys) assert.match(key, /^[A-Za-z0-9]{400}$/);
    assert.equal(new Set(keys).size, ANSWERS);
  });

  test('have uniformly distributed characters', () => {
    const counts = new Map<string, number>();
    for (const character of keys.join('')) counts.set(character, (counts.get(character) ?? 0) + 1);
    const expected = (ANSWERS * SESSION_KEY_LENGTH) / SESSION_KEY_ALPHABET.length;
    // Six standard deviations, 12 %. Bytes taken modulo the alphabet's length would put the first eight 21 % above.
    const tolerance = 6 * Math.sqrt(expected);
    for (const character of SESSION_KEY_ALPHABET) {
      const count = counts.get(character) ?? 0;
      assert.ok(Math.abs(count - expected) < tolerance, `${character}: ${count} of ${expected}`);
    }
  });

  test('have the same distribution at every position', () => {
    const firsts = new Set(keys.map((key) => key[0]));
    const lasts = new Set(keys.map((key) => key.at(-1)));
    assert.ok(firsts.size > 50 && lasts.size > 50, `${firsts.size} and ${lasts.size} different characters`);
  });
});
