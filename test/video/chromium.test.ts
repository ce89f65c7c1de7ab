// The core of the video channel in Chromium: the same bytes as in Node.js.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findChromium, launchChromium } from '../browser/chromium.ts';
import { openSite } from '../browser/site.ts';
import type { VideoPage } from './page.ts';
import { key, payloadOf, vectors } from './vectors.ts';

const isNeeded = process.env.CI === 'true' || findChromium() !== undefined;
const skip = isNeeded ? false : 'there is no Chromium on this machine: see CONTRIBUTING.md';

/** Exists in the page only. */
declare const page: VideoPage;

test('the video core in Chromium', { skip }, async (t) => {
  const browser = await launchChromium();
  t.after(() => browser.close());
  const site = await openSite('test/video/page.ts');
  t.after(() => site.close());
  const tab = await browser.newPage();
  await tab.goto(site.origin);
  const call = <Name extends keyof VideoPage>(name: Name, ...args: Parameters<VideoPage[Name]>) =>
    tab.evaluate(([name, args]) => (page[name] as (...all: unknown[]) => unknown)(...args), [
      name,
      args as unknown[],
    ] as const) as ReturnType<VideoPage[Name]>;
  const keyNumbers = Array.from(key);
  const payload = (length: number) => Array.from(payloadOf(length));

  await t.test('codes, template, carriers and pattern are those of the vectors', async () => {
    const frozen = vectors.polar.map((code: { frozen: string }) => code.frozen);
    assert.deepEqual(await call('frozenSets'), frozen);
    for (const { payloadBytes, bits } of vectors.code)
      assert.equal(await call('codeWord', keyNumbers, payload(payloadBytes)), bits);
    assert.equal(await call('planes', keyNumbers), vectors.template.planes);
    for (const { profile, channel, columns, rows, hash } of vectors.carriers.cycles)
      assert.equal(await call('carriers', keyNumbers, profile, channel, columns, rows), hash);
    const { columns, rows, width, height, hash } = vectors.pattern;
    const change = Array.from({ length: columns * rows }, (_, i) => (((7 * i) % 13) - 6) / 4);
    assert.equal(await call('pattern', change, columns, rows, width, height), hash);
  });

  for (const name of ['mark', 'markInWorker'] as const)
    await t.test(`the whole clip is that of the vectors: ${name}`, async () => {
      for (const { payloadBytes, steps, hash } of vectors.clip.cases) {
        const marked = await call(name, keyNumbers, payload(payloadBytes));
        assert.deepEqual(marked.steps, steps);
        assert.equal(marked.hash, hash);
      }
    });
});
