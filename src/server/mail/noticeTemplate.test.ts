// Texts of notices, and of the emails that confirm an address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailSettings } from '../../../test/support/mailFixtures.ts';
import type { NoticeKind } from '../store/outbox.ts';
import { renderEmailChangeMail } from './emailChangeTemplate.ts';
import { renderNotice } from './noticeTemplate.ts';
import { renderRegistrationMail } from './registrationTemplate.ts';

const AT = Date.UTC(2026, 10, 22, 14, 22);
const KINDS: Record<NoticeKind, RegExp> = {
  password_changed: /password of your VWS account was changed at 14:22 UTC on 22 November 2026/,
  password_recovered: /new password was set for your VWS account with a code from this mailbox/,
  account_locked: /was locked at 14:22 UTC/,
  already_registered: /At 14:22 UTC on 22 November 2026, someone asked .* You already have one\./,
  new_device: /VWS account from a new device at 14:22 UTC on 22 November 2026, from the network 203\.0\.113\.x\./,
  email_changed: /uses another email address since 14:22 UTC/,
  login: /logged in to your VWS account at 14:22 UTC on 22 November 2026, from the network 203\.0\.113\.x\./,
  changes_unreported: /Further changes of this kind and day \(UTC\) are not reported/,
  logins_unreported: /Further logins of this day \(UTC\) are not reported/,
};

function render(notice: NoticeKind, senderName = 'VWS') {
  const mail = { to: 'ada@example.org', notice, network: '203.0.113.x', expiresAt: AT };
  return renderNotice(mail, { ...mailSettings, senderName }, AT);
}

for (const [notice, event] of Object.entries(KINDS)) {
  test(`${notice}: reports the event and what to do, without links, codes and names`, () => {
    const { subject, text, html } = render(notice as NoticeKind);
    assert.match(text, event);
    assert.match(subject, /^VWS: /);
    assert.match(text, /Was this not you\? \S/);
    assert.doesNotMatch(text, /^[A-Z0-9]{6}$/m);
    for (const version of [text, html]) assert.doesNotMatch(version, /https?:|<a |ada|@example/i);
  });
}

test('the name of the service is one line in the subject and escaped in HTML', () => {
  const { subject, html } = render('login', 'V\r\nW<b>S');
  assert.equal(subject, 'V W<b>S: new login');
  assert.doesNotMatch(html, /<b>/);
});

for (const [render, expected] of [
  [renderEmailChangeMail, 'VWS: confirm your email address'],
  [renderRegistrationMail, 'VWS: confirm your registration'],
] as const) {
  test(`"${expected}" contains the code and no text of a user`, () => {
    const mail = { to: 'ada@example.org', code: 'K7M4PX', expiresAt: AT + 600_000 };
    const { subject, text } = render(mail, mailSettings, AT);
    assert.equal(subject, expected);
    assert.deepEqual(text.match(/^[A-Z0-9]{6}$/gm), ['K7M4PX']);
    assert.match(text, /within 10 minutes: until 14:32 UTC/);
    assert.doesNotMatch(text, /https?:|ada|@/i);
  });
}
