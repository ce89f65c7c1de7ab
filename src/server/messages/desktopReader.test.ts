// Envelopes after the video path of the original desktop client: see desktopReader.ts.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { carry, framesFor, sealInEarlierClass } from '../../../test/support/desktopReader.ts';
import { ENVELOPE_OVERHEAD, openEnvelope, sealEnvelope, sizeClass } from './envelope.ts';

const key = randomBytes(32);
const recipientId = randomBytes(16);
const senderId = new Uint8Array(randomBytes(16));
const sentAt = Date.UTC(2026, 10, 22, 14, 22);

const seal = (text: string) => sealEnvelope(key, recipientId, { senderId, sentAt, text });
const open = (envelope: string, repairLastCharacter = false) =>
  openEnvelope([randomBytes(32), key], recipientId, envelope, { repairLastCharacter });

const sealInClass = (text: string, size: number) =>
  sealInEarlierClass(key, recipientId, { senderId, sentAt, text }, size);

const KIB = 1024;
const PREVIOUS_CLASSES = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 1024].map((size) => size * KIB);

test('the model of the reader returns a ciphertext unchanged, with one more or with one less character', () => {
  assert.equal(carry('abc'), 'abc');
  assert.equal(carry('abcde'), 'abcde0');
  assert.equal(carry('abcd'), 'abc');
  assert.deepEqual(
    [24, 342].map((length) => framesFor('x'.repeat(length))),
    [20, 232],
  );
});

test('current classes: every text of 0 to 5,000 bytes survives the reader', () => {
  for (let length = 0; length <= 5_000; length += 1) {
    const text = 'x'.repeat(length);
    assert.equal(open(carry(seal(text)))?.text, text, `${length} bytes`);
  }
});

test('current classes: each one survives the reader, filled to the last byte', () => {
  const classes = new Set<number>();
  for (let size = ENVELOPE_OVERHEAD; size <= 5 * 65_538; size = sizeClass(size) + 1) classes.add(sizeClass(size));
  assert.equal(classes.size, 17);
  for (const size of classes) {
    const envelope = seal('x'.repeat(size - ENVELOPE_OVERHEAD));
    assert.equal(Buffer.from(envelope, 'base64url').length, size);
    assert.equal(carry(envelope), envelope, `${size} bytes`);
    assert.equal(open(carry(envelope))?.text.length, size - ENVELOPE_OVERHEAD);
  }
});

test('earlier classes: an unaltered envelope opens', () => {
  for (const size of PREVIOUS_CLASSES) assert.equal(open(sealInClass('text', size))?.text, 'text', `${size} bytes`);
});

test('earlier classes: an envelope opens after the reader added or dropped a character', () => {
  const damage = { added: 0, lost: 0, none: 0 };
  for (const size of PREVIOUS_CLASSES) {
    // Several random envelopes per class, because the dropped character differs.
    for (let round = 0; round < (size < 64 * KIB ? 20 : 2); round += 1) {
      const envelope = sealInClass('text', size);
      const carried = carry(envelope);
      if (carried === envelope) damage.none += 1;
      else if (carried.length > envelope.length) damage.added += 1;
      else damage.lost += 1;
      assert.equal(open(carried, true)?.text, 'text', `${size} bytes`);
      if (carried !== envelope) assert.equal(open(carried), undefined, `${size} bytes without the repair`);
    }
  }
  assert.ok(damage.added > 0 && damage.lost > 0 && damage.none > 0, JSON.stringify(damage));
});

test('the repair ignores white space and the value of the added character', () => {
  const envelope = sealInClass('text', 512);
  assert.equal(open(` ${envelope}9\n`, true)?.text, 'text');
  assert.equal(open(`${envelope.slice(0, 300)}\r\n${envelope.slice(300)}0\r\n`, true)?.text, 'text');
});

test('the repair opens nothing that fails authentication', () => {
  const [shorter, longer] = [sealInClass('text', 1_024), sealInClass('text', 512)];
  const altered = (envelope: string) => (envelope[0] === 'A' ? 'B' : 'A') + envelope.slice(1);
  for (const carried of [
    carry(altered(shorter)),
    carry(altered(longer)),
    shorter.slice(0, -2),
    `${longer}00`,
    '',
    '0',
  ]) {
    assert.equal(open(carried, true), undefined);
  }
  assert.equal(openEnvelope([key], randomBytes(16), carry(longer), { repairLastCharacter: true }), undefined);
});

test('current classes: not repaired, because the reader does not alter them', () => {
  const envelope = seal('x'.repeat(60));
  assert.equal(open(`${envelope}0`, true), undefined);
  assert.equal(open(envelope.slice(0, -1), true), undefined);
});
