// Tests of the tests' client of suite 1.
import assert from 'node:assert/strict';
import { createPublicKey, publicEncrypt } from 'node:crypto';
import { describe, test } from 'node:test';
import { open, openHandshake, openResponse, prepare, publicKeyPem, seal } from './suite1Client.ts';

const KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const NEXT_KEY = 'f'.repeat(64);

// Made with OpenSSL 3: printf '%b' TEXT | openssl enc -aes-256-ecb -K KEY -base64 -A
const vectors = [
  { text: '', sealed: 'nzt1BJJvi9NuMRjpA6TNSg==' },
  { text: 'Grüße, 世界 🎬', sealed: '+6jwqv5FGAk9NYhnPz1bOcVrItHhPGxCagP2M4yLLJE=' },
  { text: '0123456789abcdef', sealed: '2MlXWOM1PlMPpSvRDnO5hp87dQSSb4vTbjEY6QOkzUo=' },
  { text: 'a\0b', sealed: 'qtzi6P8E2hyCVJDyzDzlTw==' },
];

describe('the test client', () => {
  for (const { text, sealed } of vectors) {
    test(`seals and opens ${JSON.stringify(text)} like OpenSSL`, () => {
      assert.equal(seal(KEY, text), sealed);
      assert.equal(open(KEY, sealed), text);
    });
  }

  test('rejects texts that are not padded standard base64, or sealed with another key', () => {
    assert.throws(() => open(KEY, 'nzt1BJJvi9NuMRjpA6TNSg'));
    assert.throws(() => open(KEY, 'nzt1BJJvi9NuMRjpA6TNSg==\n'));
    assert.throws(() => open(NEXT_KEY, 'nzt1BJJvi9NuMRjpA6TNSg=='));
  });

  test('opens a handshake made with RSA-OAEP over the 64 hex characters', () => {
    const key = { key: createPublicKey(publicKeyPem), oaepHash: 'sha256' };
    const answer = {
      ciphertext: publicEncrypt(key, Buffer.from(KEY)).toString('hex'),
      session_key: seal(KEY, 'k'.repeat(400)),
    };
    const keys = openHandshake({ status: 200, contentType: 'application/json', text: JSON.stringify(answer) });
    assert.deepEqual(keys, { aesKey: KEY, sessionKey: 'k'.repeat(400) });
  });

  test('opens the new key with the old one, and the rest with the new one', () => {
    const request = prepare({ aesKey: KEY, sessionKey: 'old' }, '/encrypt/bob', { message: '' }, { more: 1 });
    assert.deepEqual(JSON.parse(request.body), { session_key: 'old', message: vectors[0]?.sealed, more: 1 });
    const answer = {
      ciphertext: seal(KEY, NEXT_KEY),
      session_key: seal(NEXT_KEY, 'n'.repeat(400)),
      message: seal(NEXT_KEY, 'text'),
    };
    const opened = openResponse(request, { status: 200, contentType: '', text: JSON.stringify(answer) });
    assert.deepEqual(opened.keys, { aesKey: NEXT_KEY, sessionKey: 'n'.repeat(400) });
    assert.equal(opened.message, 'text');
  });
});
