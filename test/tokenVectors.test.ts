// The vectors of docs/vectors/token.json: in the SDK, on Node.js and in Chromium, and at the server.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect } from '../src/client/index.ts';
import { locatorOf, openBody, sealUnder } from '../src/client/tokenMessage.ts';
import { decodeToken, parseLocator, sizeClass, tokenLabels } from '../src/protocol/tokenMessage.ts';
import { findChromium, launchChromium } from './browser/chromium.ts';
import { openSite } from './browser/site.ts';
import { openBrowser } from './browser/user.ts';
import { startKnownServer } from './manInTheMiddle/knownServer.ts';
import { newPerson, registerSuite2, registerVws } from './support/people.ts';
import { b64, Suite2Client, unb64 } from './support/suite2Client.ts';

interface Vector {
  readonly note: string;
  readonly token_bytes: string;
  readonly token: string;
  readonly text: string;
  readonly locator: string;
  readonly body_bytes: number;
  readonly body_sha256: string;
  readonly body: string;
}

const file = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'docs', 'vectors', 'token.json'), 'utf8'));
const vectors: readonly Vector[] = file.vectors;

const isNeeded = process.env.CI === 'true' || findChromium() !== undefined;
const skip = isNeeded ? false : 'there is no Chromium on this machine: see CONTRIBUTING.md';

test('the labels are those of the vectors', () => {
  const { salt, locator_info, key_info, additional_data } = file;
  const { check: _, ...labels } = tokenLabels;
  assert.deepEqual(labels, { salt, locator: locator_info, key: key_info, body: additional_data });
});

describe('the SDK computes the vectors', () => {
  for (const vector of vectors) {
    test(vector.note, async () => {
      const token = decodeToken(vector.token) ?? assert.fail('the token is canonical');
      assert.equal(Buffer.from(token).toString('hex'), vector.token_bytes);
      assert.equal(b64(await locatorOf(token)), vector.locator);
      const body = await sealUnder(token, vector.text);
      assert.equal(b64(body), vector.body);
      assert.deepEqual([body.length, hash('sha256', body)], [vector.body_bytes, vector.body_sha256]);
      assert.equal(sizeClass(body.length), body.length);
      assert.equal(b64(parseLocator(vector.locator) ?? assert.fail()), vector.locator);
      assert.equal(await openBody(token, new Uint8Array(unb64(vector.body))), vector.text);

      const changed = new Uint8Array(body);
      changed[7] = (changed[7] ?? 0) ^ 1;
      assert.equal(await openBody(token, changed), undefined, 'the tag covers every bit');
      assert.equal(await openBody(token, body.subarray(0, 15)), undefined);
    });
  }
});

test('the server accepts locators and bodies of the vectors, and the SDK opens them', async (t) => {
  const site = await openSite();
  t.after(() => site.close());
  const { server, identity } = await startKnownServer(t, { CORS_ORIGINS: site.origin });
  const pin = identity.fingerprint;
  const [alice, bob] = [newPerson(), newPerson()];
  const sender = await Suite2Client.handshake(server);
  await registerSuite2(sender, server, alice);
  const onNode = await connect(server.url, { pin });
  await registerVws(onNode, server, bob);

  for (const { locator, body } of vectors) {
    const limits = { expires_in: '', max_opens: '', receipt: 'yes' };
    const { status } = await sender.call('/send_message', { username: bob.username, locator, body, ...limits });
    assert.equal(status, 200);
  }
  await t.test('on Node.js', async () => {
    for (const { token, text } of vectors) {
      const opened = await onNode.open(token);
      assert.deepEqual([opened.text, opened.sender, opened.opens], [text, alice.username, 1]);
    }
  });
  await t.test('in Chromium', { skip }, async () => {
    const browser = await launchChromium();
    t.after(() => browser.close());
    const inChromium = await openBrowser(browser, site.origin, true);
    await inChromium.open(server.url, { pin });
    await inChromium.vws.login(bob);
    for (const { token, text } of vectors) assert.equal((await inChromium.vws.open(token)).text, text);
    const { token } = await inChromium.vws.send(bob.username, 'from the browser');
    assert.equal((await onNode.open(token)).text, 'from the browser');
  });
});
