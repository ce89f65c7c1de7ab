// The encryption of stored steps.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { hashRequest, StepEncryption, type StoredResponse } from './stepEncryption.ts';

const keyEncryptionKey = randomBytes(32);
const sessionKey = 'a session key';
const secret = randomBytes(32);
const requestHash = hashRequest([Buffer.from('a request')]);
const answer = { response: { status: 201, body: '{"error":"Grüße"}' } };

const encryption = new StepEncryption(keyEncryptionKey, sessionKey);

describe('stored step', () => {
  test('opens with the session key and the key-encryption key', () => {
    const again = new StepEncryption(keyEncryptionKey, sessionKey);
    assert.deepEqual(again.stepId, encryption.stepId);
    assert.deepEqual(Buffer.from(again.openSecret(encryption.sealSecret(secret))), secret);
    assert.deepEqual(again.openResponse(encryption.sealResponse(answer, requestHash), requestHash), answer);
    for (const keyEstablishment of [undefined, randomBytes(1120)]) {
      const notKept: StoredResponse = { response: undefined, keyEstablishment };
      assert.deepEqual(again.openResponse(encryption.sealResponse(notKept, requestHash), requestHash), notKept);
    }
  });

  test('of the first version of this program opens', () => {
    const earlier = new StepEncryption(new Uint8Array(32).fill(7), sessionKey);
    assert.equal(
      Buffer.from(earlier.stepId).toString('hex'),
      '167cd6ecfba652d106cca8ff53f4cfd2e1803e2e2821f46c2108c481f076dd58',
    );
    assert.equal(
      Buffer.from(requestHash).toString('hex'),
      '5eae8f29ee523f8d4a194f161cc8df92217d7abab85ae1d075c637c06bfb9514',
    );
    const sealedSecret = '+Yib4U1gczrowwnPKTNNe3sUaH8qwujWXotBIdhRSRnuTsAAzITgvU1KdcxfeHCkNtMfa5nI9v4fnMpp';
    assert.deepEqual(Buffer.from(earlier.openSecret(Buffer.from(sealedSecret, 'base64'))), Buffer.alloc(32, 9));
    const sealedResponse = 'jtOWG14C7JDfrBQm7L/icFM6YD+KEWt35IbBKnRC4M9MBEfvkhiDZGCTW/WStt2YksLMBEMOrCnfVqw=';
    assert.deepEqual(earlier.openResponse(Buffer.from(sealedResponse, 'base64'), requestHash), answer);
  });

  const strangers = {
    'another session key': new StepEncryption(keyEncryptionKey, 'another session key'),
    'another key-encryption key': new StepEncryption(randomBytes(32), sessionKey),
    'an empty session key': new StepEncryption(keyEncryptionKey, ''),
    neither: new StepEncryption(randomBytes(32), randomBytes(32).toString('hex')),
  };
  for (const [what, stranger] of Object.entries(strangers)) {
    test(`does not open with ${what}`, () => {
      assert.throws(() => stranger.openSecret(encryption.sealSecret(secret)), /does not open/);
      assert.throws(
        () => stranger.openResponse(encryption.sealResponse(answer, requestHash), requestHash),
        /does not open/,
      );
    });
  }

  test('its id depends on the session key only', () => {
    assert.deepEqual(new StepEncryption(randomBytes(32), sessionKey).stepId, encryption.stepId);
    assert.notDeepEqual(strangers['another session key'].stepId, encryption.stepId);
    assert.equal(encryption.stepId.length, 32);
  });

  test('contains neither the secret nor the response in plaintext', () => {
    const [sealedSecret, sealedResponse] = [
      encryption.sealSecret(secret),
      encryption.sealResponse(answer, requestHash),
    ];
    assert.equal(Buffer.from(sealedSecret).includes(secret), false);
    assert.equal(Buffer.from(sealedResponse).includes('error'), false);
    assert.notDeepEqual(encryption.sealSecret(secret), sealedSecret);
  });

  test('does not open if any bit is altered or any byte is missing', () => {
    const sealed = { secret: encryption.sealSecret(secret), answer: encryption.sealResponse(answer, requestHash) };
    const openers = {
      secret: (bytes: Uint8Array) => encryption.openSecret(bytes),
      answer: (bytes: Uint8Array) => encryption.openResponse(bytes, requestHash),
    };
    for (const kind of ['secret', 'answer'] as const) {
      for (const [index, byte] of sealed[kind].entries()) {
        const altered = Uint8Array.from(sealed[kind]);
        altered[index] = byte ^ (1 << (index % 8));
        assert.throws(() => openers[kind](altered), /does not open/, `${kind}, byte ${index}`);
      }
      for (const length of [0, 11, 27, 28, sealed[kind].length - 1]) {
        assert.throws(
          () => openers[kind](sealed[kind].subarray(0, length)),
          /does not open/,
          `${kind}, ${length} bytes`,
        );
      }
    }
  });

  test('does not open in place of another column, request or row', () => {
    assert.throws(() => encryption.openResponse(encryption.sealSecret(secret), requestHash), /does not open/);
    assert.throws(() => encryption.openSecret(encryption.sealResponse(answer, encryption.stepId)), /does not open/);
    const otherHash = hashRequest([Buffer.from('another request')]);
    assert.throws(
      () => encryption.openResponse(encryption.sealResponse(answer, requestHash), otherHash),
      /does not open/,
    );
  });
});

describe('hashRequest', () => {
  test('depends on every byte and nothing else', () => {
    const parts = [Buffer.from('/path\0'), Buffer.from('{"session_key":"x"}')];
    assert.deepEqual(hashRequest(parts), hashRequest(parts.map((part) => Buffer.from(part))));
    assert.notDeepEqual(hashRequest(parts), hashRequest([Buffer.from('/Path\0'), Buffer.from('{"session_key":"x"}')]));
    assert.notDeepEqual(hashRequest(parts), hashRequest([Buffer.from('/path\0'), Buffer.from('{"session_key":"x"} ')]));
    assert.equal(hashRequest([]).length, 32);
  });

  test('differs from the step id of the same bytes', () => {
    assert.notDeepEqual(hashRequest([Buffer.from(sessionKey)]), encryption.stepId);
  });
});
