// LocalMailbox: files, log lines and failures.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMemoryLog, mailSettings, recoveryMail, temporaryFolder } from '../../../test/support/mailFixtures.ts';
import { parseMail } from '../../../test/support/mime.ts';
import { parseSender } from './address.ts';
import { LocalMailbox } from './localMailbox.ts';
import { DeliveryError } from './mail.ts';
import { composeMail } from './message.ts';

const START = Date.UTC(2026, 10, 22, 14, 22);

function message(code: string, createdAt = START) {
  const mail = recoveryMail({ code, expiresAt: createdAt + 600_000 });
  return composeMail({ kind: 'recovery', mail }, mailSettings, parseSender(mailSettings), randomBytes(16), createdAt);
}

test('an email becomes one complete private file, logged with its code', async (t) => {
  const folder = join(await temporaryFolder(t), 'data', 'mailbox');
  const log = createMemoryLog();
  const sent = message('ABC234');
  await new LocalMailbox(folder, log).deliver(sent);

  assert.deepEqual(await readdir(folder), [`20261122T142200.000Z-${sent.id}.eml`]);
  const file = join(folder, `20261122T142200.000Z-${sent.id}.eml`);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);

  const source = await readFile(file);
  assert.doesNotMatch(source.toString('latin1'), /(?<!\r)\n/);
  const mail = parseMail(source);
  assert.equal(mail.header('to'), 'ada@example.org');
  assert.equal(mail.header('from'), 'VWS <vws@example.org>');
  assert.equal(mail.header('message-id'), sent.messageId);
  assert.equal(mail.subject, mailSettings.subject);
  assert.equal(/^[A-Z0-9]{6}$/m.exec(mail.text)?.[0], 'ABC234');
  assert.equal(mail.html, sent.html);

  assert.deepEqual(
    log.lines.map(({ level, fields }) => [level, fields]),
    [['info', { file, code: 'ABC234' }]],
  );
});

test('delivering an email again replaces its file', async (t) => {
  const folder = await temporaryFolder(t);
  const mailbox = new LocalMailbox(folder, createMemoryLog());
  const sent = message('ABC234');
  await mailbox.deliver(sent);
  await mailbox.deliver(sent);
  assert.equal((await readdir(folder)).length, 1);
});

test('keeps the newest hundred emails, and deletes only emails', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, '0-notes.txt'), 'mine');
  const mailbox = new LocalMailbox(folder, createMemoryLog());
  for (let n = 0; n < 103; n += 1) await mailbox.deliver(message('ABC234', START + n));
  const names = (await readdir(folder)).sort();
  assert.equal(names.length, 101);
  assert.equal(names[0], '0-notes.txt');
  assert.match(names[1] ?? '', /^20261122T142200\.003Z-/);
  assert.match(names.at(-1) ?? '', /^20261122T142200\.102Z-/);
});

test('an unwritable folder is a temporary failure', async (t) => {
  const file = join(await temporaryFolder(t), 'file');
  await writeFile(file, '');
  const mailbox = new LocalMailbox(join(file, 'mailbox'), createMemoryLog());
  await assert.rejects(mailbox.deliver(message('ABC234')), (error) => {
    assert.ok(error instanceof DeliveryError);
    assert.equal(error.permanent, false);
    assert.match(error.message, /ENOTDIR/);
    return true;
  });
});

test('the mode of an existing folder does not change', async (t) => {
  const folder = join(await temporaryFolder(t), 'mailbox');
  await mkdir(folder);
  await chmod(folder, 0o750);
  await new LocalMailbox(folder, createMemoryLog()).deliver(message('ABC234'));
  assert.equal((await stat(folder)).mode & 0o777, 0o750);
});
