// The envelope of messages: format, size classes, keys and rejected input.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { sealAead } from '../crypto/aead.ts';
import { ENVELOPE_OVERHEAD, openEnvelope, sealEnvelope, sizeClass } from './envelope.ts';

const key = randomBytes(32);
const recipientId = randomBytes(16);
const senderId = new Uint8Array(randomBytes(16));
const sentAt = Date.UTC(2026, 10, 22, 14, 22);
const MIB = 1024 * 1024;

/** Sealed when the format was defined. */
const ENVELOPE_OF_VERSION_1 =
  'zrhgKO0AKliyOIPpkodT1dpSHxSe237wFZf-Yq6N1yHuMBvSRDFelfRC3RBweTPNGT_hwd-H5bMLh9AwJlA4FS5pzRz2nxXkdNMRYa3y' +
  'ntEMN2Eksmti6Jc3tsw38zpigpNhOo1UDsgwWbpp_ndthABRAUIs9ms-QiWIfFJIsyzPAlCxIADpLTeXJFSq6LCdIumZbUT8IMhUU5q7' +
  'KqNhIY-A_Q9Onyq2vhnmrYLwwJNi8EHXOFalao28v4uPOGFKLnVoALimlcoJBaFsl5RGHAGH-anTSH3oOQPmNOVhPEHtLNx0INOQbYcP' +
  '0QCHc5hQik75WB48zXagntkGYQovIA';

const seal = (text: string) => sealEnvelope(key, recipientId, { senderId, sentAt, text });
const open = (envelope: string, keys = [key], id: Uint8Array = recipientId) => openEnvelope(keys, id, envelope);

const codePoint = fc
  .nat(0x10ffff)
  .filter((value) => value < 0xd800 || value > 0xdfff)
  .map((value) => String.fromCodePoint(value));

test('an envelope returns sender, time and text, for every text', () => {
  const message = fc.record(
    {
      text: fc.string({ unit: codePoint, maxLength: 400 }),
      sentAt: fc.maxSafeNat().map((time) => time % 2 ** 48),
      senderId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(message, (given) => {
      assert.deepEqual(open(sealEnvelope(key, recipientId, given)), given);
    }),
    { numRuns: 300 },
  );
  for (const text of ['', '\0', '\ufeffwith a byte order mark', 'x'.repeat(MIB), '🎬'.repeat(MIB / 4)]) {
    assert.equal(open(seal(text))?.text, text);
  }
});

test('an envelope is one line of URL-safe base64', () => {
  assert.match(seal('text'), /^[A-Za-z0-9_-]+$/);
});

test('sizeClass returns the smallest class that fits; its length in characters is a multiple of 3', () => {
  assert.equal(ENVELOPE_OVERHEAD, 55);
  const smallest = [63, 99, 128, 193, 256, 508, 1_026, 2_047, 4_099, 8_192, 16_384, 32_769];
  const classes = [...smallest, ...Array.from({ length: 17 }, (_, index) => (index + 1) * 65_538)];
  let expected = 0;
  for (let size = ENVELOPE_OVERHEAD; size <= MIB + ENVELOPE_OVERHEAD; size += 1) {
    if (size > (classes[expected] ?? 0)) expected += 1;
    assert.equal(sizeClass(size), classes[expected], `${size}`);
  }
  for (const size of classes) assert.equal(Buffer.alloc(size).toString('base64url').length % 3, 0, `${size}`);
});

test('an envelope has the size of its class', () => {
  const charactersFor = (length: number) => seal('x'.repeat(length)).length;
  const lengths = [0, 8, 9, 44, 45, 73, 74, 138, 139, 201, 202, 453, 454];
  assert.deepEqual(lengths.map(charactersFor), [84, 84, 132, 132, 171, 171, 258, 258, 342, 342, 678, 678, 1_368]);
});

test('an envelope looks random: every bit is 0 in some samples and 1 in others', () => {
  const samples = Array.from({ length: 128 }, () => Buffer.from(seal('the same text'), 'base64url'));
  for (let at = 0; at < sizeClass(ENVELOPE_OVERHEAD + 'the same text'.length); at += 1) {
    const bytes = samples.map((sample) => sample[at] ?? 0);
    assert.equal(
      bytes.reduce((all, byte) => all & byte),
      0x00,
      `byte ${at} has a bit that is always 1`,
    );
    assert.equal(
      bytes.reduce((all, byte) => all | byte),
      0xff,
      `byte ${at} has a bit that is always 0`,
    );
  }
});

test('an altered envelope does not open', () => {
  const sealed = Buffer.from(seal('text'), 'base64url');
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const altered = Buffer.from(sealed);
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(open(altered.toString('base64url')), undefined, `bit ${bit}`);
  }
  for (const altered of [sealed.subarray(1), sealed.subarray(0, -1), Buffer.concat([sealed, sealed])]) {
    assert.equal(open(altered.toString('base64url')), undefined);
  }
});

test('an envelope opens only for its recipient, with any key in the list that fits', () => {
  const envelope = seal('text');
  const [older, newer] = [randomBytes(32), randomBytes(32)];
  assert.equal(open(envelope, [newer, key, older])?.text, 'text');
  assert.equal(open(envelope, [newer, older]), undefined);
  assert.equal(open(envelope, []), undefined);
  assert.equal(open(envelope, [key], randomBytes(16)), undefined);
});

test('white space added by mail and forms is ignored', () => {
  const envelope = seal('text');
  assert.equal(open(` ${envelope.replace(/.{60}/g, '$&\r\n')}\n`)?.text, 'text');
  assert.equal(open([...envelope].join('\t'))?.text, 'text');
});

test('text that is not an envelope does not open', () => {
  const standardBase64 = `+/${seal('text').slice(2)}`;
  for (const text of ['', ' ', 'x', 'not an envelope', '世界 🎬', 'A'.repeat(400), standardBase64]) {
    assert.equal(open(text), undefined, text);
  }
});

test('plaintext of another version or length does not open, although the key is right', () => {
  const associatedData = Buffer.concat([Buffer.from('vws envelope '), recipientId]);
  const sealRaw = (plaintext: Buffer) => Buffer.from(sealAead(key, plaintext, associatedData)).toString('base64url');
  const message = Buffer.alloc(64);
  message.writeUInt8(1);
  assert.equal(open(sealRaw(message))?.text, '');
  const [laterVersion, tooLong, tooShort] = [Buffer.from(message), Buffer.from(message), message.subarray(0, 26)];
  laterVersion.writeUInt8(2);
  tooLong.writeUInt32BE(64 - 27 + 1, 23);
  for (const plaintext of [laterVersion, tooLong, tooShort, Buffer.alloc(0)]) {
    assert.equal(open(sealRaw(plaintext)), undefined);
  }
});

test('the format is stable: an envelope from the day of its definition opens', () => {
  assert.deepEqual(openEnvelope([Buffer.alloc(32, 1)], Buffer.alloc(16, 2), ENVELOPE_OF_VERSION_1), {
    senderId: new Uint8Array(16).fill(3),
    sentAt: 1_795_357_320_000,
    text: 'für immer',
  });
});
