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

/** Made on the day that the format was fixed. */
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

test('an envelope opens to who sent what when, whatever the text', () => {
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

test('it is one line of URL-safe base64', () => {
  assert.match(seal('text'), /^[A-Za-z0-9_-]+$/);
});

test('its size tells little: a few sizes for all texts, each no larger than it must be', () => {
  assert.ok(ENVELOPE_OVERHEAD < 64);
  const sizes = new Map<number, number>();
  for (let length = 0; length <= MIB; length += 1) {
    const needed = length + ENVELOPE_OVERHEAD;
    const size = sizeClass(needed);
    assert.ok(size >= needed && size < Math.max(257, 2 * needed), `${length}`);
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
  }
  assert.ok(sizes.size <= 25, `${sizes.size} sizes`);

  const bytesOf = (envelope: string) => Buffer.from(envelope, 'base64url').length;
  const fitting = 256 - ENVELOPE_OVERHEAD;
  for (const length of [0, 1, fitting]) assert.equal(bytesOf(seal('x'.repeat(length))), 256);
  assert.equal(bytesOf(seal('x'.repeat(fitting + 1))), 512);
});

test('nothing in it is recognisable: every bit is sometimes 0 and sometimes 1, from the first to the last', () => {
  const samples = Array.from({ length: 128 }, () => Buffer.from(seal('the same text'), 'base64url'));
  for (let at = 0; at < 256; at += 1) {
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

test('it opens for its recipient alone, with whichever of the keys fits', () => {
  const envelope = seal('text');
  const [older, newer] = [randomBytes(32), randomBytes(32)];
  assert.equal(open(envelope, [newer, key, older])?.text, 'text');
  assert.equal(open(envelope, [newer, older]), undefined);
  assert.equal(open(envelope, []), undefined);
  assert.equal(open(envelope, [key], randomBytes(16)), undefined);
});

test('white space that mail and forms add is ignored', () => {
  const envelope = seal('text');
  assert.equal(open(` ${envelope.replace(/.{60}/g, '$&\r\n')}\n`)?.text, 'text');
  assert.equal(open([...envelope].join('\t'))?.text, 'text');
});

test('what is no envelope does not open', () => {
  const standardBase64 = `+/${seal('text').slice(2)}`;
  for (const text of ['', ' ', 'x', 'no envelope', '世界 🎬', 'A'.repeat(400), standardBase64]) {
    assert.equal(open(text), undefined, text);
  }
});

test('what was sealed with the right key but is not of this version does not open', () => {
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

test('an envelope of today opens for ever: its layout, byte for byte', () => {
  assert.deepEqual(openEnvelope([Buffer.alloc(32, 1)], Buffer.alloc(16, 2), ENVELOPE_OF_VERSION_1), {
    senderId: new Uint8Array(16).fill(3),
    sentAt: 1_795_357_320_000,
    text: 'für immer',
  });
});
