// Random `.env` files for the part of the server that reads them; no server is started.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import fastify from 'fastify';
import { readConfig, withEnvFile } from '../../src/server/config/config.ts';
import { SettingError, settings } from '../../src/server/config/settings.ts';
import { parseSender } from '../../src/server/mail/address.ts';
import type { Options } from './properties.ts';

/** Reading a malformed value takes less. */
const TIMEOUT_MS = 2_000;
const NAMES = Object.keys(settings);
const SECRETS = NAMES.filter((name) => 'secret' in settings[name as keyof typeof settings]);

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...NAMES, ...SECRETS.map((secret) => `${secret}_FILE`)) },
  fc.constantFrom('__proto__', 'constructor', 'toString', 'export HOST', '', 'A=B', 'PORT '),
);
const value = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '5000',
    '1e3',
    '0x10',
    '65536',
    '9'.repeat(400),
    'NaN',
    'true',
    'no',
    '"quoted',
    "'quoted' # comment",
    `\${PORT}`,
    'sqlite:',
    'sqlite:///x',
    'postgres://u:p@h/db',
    '::1',
    '10.0.0.0/8,::/0',
    '0.0.0.0/0',
    '10.0.0.0/33',
    '1',
    'https://example.org,',
    'null',
    'VWS <vws@example.org>',
    '<>@',
    '"a\\"b" <x@y>',
    'Zoë, Ltd <zoe@example.org>',
    '/no/such/file',
    '/',
    'ab'.repeat(32),
    'A'.repeat(100_000),
  ),
  fc.string({ maxLength: 80 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
);
const line = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(name, value).map(([left, right]) => `${left}=${right}`) },
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('# comment', '=', 'HOST', '\0', '\ufeffHOST=x', 'PORT="1\n2"', 'export PORT=1'),
);
const text = fc
  .tuple(fc.array(line, { maxLength: 5 }), fc.constantFrom('\n', '\r\n', '\r'))
  .map(([lines, end]) => lines.join(end));

/** Every file gives a complete configuration, or one error that names the variable and shows no secret. */
export function checkEnvironmentFiles({ runs, seed }: Options): void {
  fc.assert(
    fc.property(text, (file) => {
      const begun = performance.now();
      checkFile(file);
      assert.ok(performance.now() - begun < TIMEOUT_MS, 'it takes too long');
    }),
    { numRuns: runs, seed },
  );
}

function checkFile(file: string): void {
  const environment = withEnvFile({}, file);
  try {
    const { port, maxTextBytes, mail, logLevel, trustedProxies } = readConfig(environment);
    assert.ok(Number.isInteger(port) && port >= 0 && port <= 65_535);
    assert.ok(Number.isInteger(maxTextBytes) && maxTextBytes > 0);
    assert.ok(logLevel.length > 0);
    // The values must be usable later.
    parseSender(mail);
    fastify({ trustProxy: [...trustedProxies] });
  } catch (error) {
    assert.ok(error instanceof SettingError, String(error));
    assert.ok(
      NAMES.some((known) => error.message.startsWith(known)),
      error.message,
    );
    for (const secret of SECRETS) {
      const shown = environment[secret]?.trim() ?? '';
      assert.ok(shown.length < 8 || !error.message.includes(shown), `${secret} is shown`);
    }
  }
}
