// A user of the SDK in a browser.
import type { Browser } from 'playwright-core';
import { type Vws, VwsError } from '../../src/client/index.ts';
import { hideMlKem } from './chromium.ts';
import type { Ending, Page } from './page.ts';

/** A user with a separate browser profile and the site's page open. */
export interface User {
  /** Opens the session of this browser, or continues the stored one. @throws {VwsError} */
  open(...to: Parameters<Page['open']>): Promise<void>;
  /** The session; calls run in the page. */
  readonly vws: Vws;
  measureHandshakes: Page['measureHandshakes'];
  measureCalls: Page['measureCalls'];
  reload(): Promise<void>;
  /** Resolves to true if this browser's WebCrypto has ML-KEM. */
  hasMlKem(): Promise<boolean>;
}

/** Exists in the page only. */
declare const page: Page;

/** @param origin of the web site */
export async function openBrowser(browser: Browser, origin: string, withMlKem: boolean): Promise<User> {
  const context = await browser.newContext();
  if (!withMlKem) await context.addInitScript(hideMlKem);
  const tab = await context.newPage();
  await tab.goto(origin);
  const call = async (name: string, args: unknown[]) =>
    resultOf(await tab.evaluate(([name, args]) => page.call(name, args), [name, args] as const));
  return {
    open: async (...to) => void resultOf(await tab.evaluate((to) => page.open(...to), to)),
    vws: new Proxy({} as Vws, {
      get:
        (_, name) =>
        (...args: unknown[]) =>
          call(String(name), args),
    }),
    measureHandshakes: (...given) => tab.evaluate((all) => page.measureHandshakes(...all), given),
    measureCalls: (...given) => tab.evaluate((all) => page.measureCalls(...all), given),
    reload: async () => void (await tab.reload()),
    hasMlKem: () =>
      tab.evaluate(() =>
        crypto.subtle.generateKey('ML-KEM-768', false, ['encapsulateBits', 'decapsulateBits'] as never).then(
          () => true,
          () => false,
        ),
      ),
  };
}

function resultOf(ending: Ending): unknown {
  if ('value' in ending) return ending.value;
  const { code, retryAfter } = ending.error;
  throw new VwsError(code, `In the browser: ${code}.`, { retryAfter });
}
