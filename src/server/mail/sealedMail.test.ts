// Encryption of outbox rows.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { recoveryMail } from '../../../test/support/mailFixtures.ts';
import { openContent, sealContent } from './sealedMail.ts';

const key = randomBytes(32);
const mailId = randomBytes(16);
const seal = (to: string) => sealContent(key, mailId, { kind: 'recovery', mail: recoveryMail({ to, expiresAt: 1 }) });

test('encrypted content opens', () => {
  for (const mail of [recoveryMail({ expiresAt: 1 }), recoveryMail({ to: 'Зоя'.repeat(300), expiresAt: 2 })]) {
    const content = { kind: 'recovery', mail } as const;
    assert.deepEqual(openContent(key, mailId, sealContent(key, mailId, content)), content);
  }
});

test('a mail with the longest address has the length of a decoy', () => {
  const decoy = sealContent(key, mailId, { kind: 'decoy' });
  assert.equal(seal('a@b.example').length, decoy.length);
  assert.equal(seal(`${'a'.repeat(242)}@example.org`).length, decoy.length);
});

test('content opens neither under another key nor in another row', () => {
  const sealed = sealContent(key, mailId, { kind: 'decoy' });
  assert.equal(openContent(randomBytes(32), mailId, sealed), undefined);
  assert.equal(openContent(key, randomBytes(16), sealed), undefined);
  assert.equal(openContent(key, mailId, sealed.subarray(1)), undefined);
});
