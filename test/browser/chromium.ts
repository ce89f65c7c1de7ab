// Finds and launches the installed Chromium.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
/** Flags that also work as root, in a container and without a network. */
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'];

/** @returns the path of the Chromium that is installed */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/** @throws Error if none is installed */
export function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error(`There is no Chromium on this machine: none of ${NAMES.join(', ')}.`);
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/** Runs in a page before its scripts: removes ML-KEM from WebCrypto, as in browsers without it. */
export function hideMlKem(): void {
  const { prototype } = SubtleCrypto as unknown as { prototype: { generateKey(...all: unknown[]): unknown } };
  const { generateKey } = prototype;
  prototype.generateKey = function (this: unknown, algorithm: unknown, ...rest: unknown[]) {
    const { name = algorithm } = Object(algorithm);
    return String(name).startsWith('ML-KEM')
      ? Promise.reject(new DOMException('There is no such algorithm.', 'NotSupportedError'))
      : generateKey.call(this, algorithm, ...rest);
  };
}
