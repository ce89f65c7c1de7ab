// The line that shows the sender of a message: names cannot imitate other lines.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { senderLine } from './senderLine.ts';

const sentAt = new Date(Date.UTC(2026, 10, 24, 14, 8, 47));
const line = (sender: string | null, senderNow = sender) => senderLine({ sender, senderNow }, sentAt);

test('shows the time, the name at that time and, if it differs, the current one', () => {
  assert.equal(line('ada'), '2026-11-24 14:08:47 UTC, from "ada":');
  assert.equal(line('ada', 'bob'), '2026-11-24 14:08:47 UTC, from "ada" (now "bob"):');
  assert.equal(line('ada', null), '2026-11-24 14:08:47 UTC, from "ada":');
  assert.equal(line(null), '2026-11-24 14:08:47 UTC, from a deleted user:');
});

test('a name cannot imitate a rename, a deleted user or another time', () => {
  assert.equal(line('a deleted user'), '2026-11-24 14:08:47 UTC, from "a deleted user":');
  assert.equal(line('ada (now bob)'), '2026-11-24 14:08:47 UTC, from "ada (now bob)":');
  assert.equal(line('ada, 2020-01-01 10:00:00 UTC:'), '2026-11-24 14:08:47 UTC, from "ada, 2020-01-01 10:00:00 UTC:":');
  assert.equal(line('ada" (now "bob'), String.raw`2026-11-24 14:08:47 UTC, from "ada\" (now \"bob":`);
  assert.equal(line('ada\\" (now'), String.raw`2026-11-24 14:08:47 UTC, from "ada\\\" (now":`);
});

test('characters that look like a quotation mark are escaped, single apostrophes are not', () => {
  for (const mark of [
    '\u201c',
    '\u201d',
    '\u201e',
    '\u00ab',
    '\uff02',
    '\u2033',
    '\u02ba',
    '\u02ee',
    '\u02dd',
    '\u05f4',
  ]) {
    const escaped = `\\u{${mark.codePointAt(0)?.toString(16)}}`;
    assert.equal(line(`ada${mark}`), `2026-11-24 14:08:47 UTC, from "ada${escaped}":`);
  }
  assert.equal(line("o'brien"), '2026-11-24 14:08:47 UTC, from "o\'brien":');
  assert.equal(line("ada'' (now ''bob"), String.raw`2026-11-24 14:08:47 UTC, from "ada'\' (now '\'bob":`);
});
