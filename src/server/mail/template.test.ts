// The recovery email: content, escaping, injection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mailSettings, recoveryMail } from '../../../test/support/mailFixtures.ts';
import { renderRecoveryMail } from './template.ts';

const ASKED_AT = Date.UTC(2026, 10, 22, 14, 22);

interface Settings {
  code?: string;
  minutes?: number;
  senderName?: string;
  subject?: string;
}

function render({ code = 'K7M4PX', minutes = 10, ...settings }: Settings = {}) {
  const mail = recoveryMail({ code, expiresAt: ASKED_AT + minutes * 60_000 });
  return renderRecoveryMail(mail, { ...mailSettings, ...settings }, ASKED_AT);
}

/** Returns the visible text of the HTML. */
function readable(html: string): string {
  return html
    .replace(/^[\s\S]*<body/, '<body')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll(/\s+/g, ' ')
    .trim();
}

test('text and HTML contain code, expiry and instructions', () => {
  const { subject, text, html } = render();
  assert.equal(subject, mailSettings.subject);
  for (const version of [text, readable(html)]) {
    assert.match(version, /Hello,/);
    assert.match(version, /set a new password for your VWS account/);
    assert.match(version, /K7M4PX/);
    assert.match(version, /works once, within 10 minutes: until 14:32 UTC on 22 November 2026\./);
    assert.match(version, /not you\? Ignore this email/);
  }
});

test('the HTML loads no resources and declares its language', () => {
  const { html } = render();
  assert.doesNotMatch(html, /<img|<script|<link|url\(|https?:|src=/i);
  assert.match(html, /<html lang="en"/);
  assert.match(html, /prefers-color-scheme: dark/);
  for (const table of html.match(/<table[^>]*>/g) ?? []) assert.match(table, /role="presentation"/);
});

test('one minute is in the singular', () => {
  assert.match(render({ minutes: 1 }).text, /within 1 minute:/);
});

test('for all settings, the text has exactly one line with a code, and the subject is one line', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[A-Z0-9]{6}$/),
    fc.stringMatching(/^\s?[A-Z0-9]{6}[\r\n\u2028\u0085][A-Z0-9]{6}\s?$/),
  );
  fc.assert(
    fc.property(anyText, anyText, fc.stringMatching(/^[A-HJKMNP-Z2-9]{6}$/), (other, senderName, code) => {
      const { text, subject } = render({ senderName, code, subject: `${other} ${senderName}` });
      assert.deepEqual(text.match(/^[A-Z0-9]{6}$/gm), [code]);
      assert.doesNotMatch(subject, /[\r\n\u2028\u2029]/);
    }),
  );
});

test('settings are escaped in HTML', () => {
  const evil = `"><img src=x onerror=alert(1)>'</td><script>&amp;`;
  const { html } = render({ senderName: evil, subject: evil, code: evil });
  const tags = (page: string) => page.replaceAll(/>[^<]*</g, '><');
  assert.equal(tags(html), tags(render().html));
  assert.ok(readable(html).includes(`<img src=x onerror=alert(1)>'</td><script>&amp;`));
});
