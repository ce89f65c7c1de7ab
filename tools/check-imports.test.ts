// The import rule, and the reading of imports that it is based on.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { checkImports } from './check-imports.ts';
import { findCycles } from './find-cycles.ts';
import { readImports } from './read-imports.ts';

/** The violations in a tree of these files, which must include every imported file. */
function violationsIn(t: TestContext, files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'vws-imports-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), source);
  }
  return checkImports(root);
}

/** Checks the import of one file by another in a tree of the two. */
function mayImport(t: TestContext, from: string, to: string): boolean {
  const up = '../'.repeat(from.split('/').length - 1);
  return violationsIn(t, { [from]: `import { x } from '${up}${to}';`, [to]: '' }).length === 0;
}

describe('allowed and refused imports', () => {
  const allowed = [
    ['src/protocol/a.ts', 'src/protocol/b.ts'],
    ['src/client/a.ts', 'src/protocol/b.ts'],
    ['src/cli/a.ts', 'src/client/b.ts'],
    ['src/cli/a.ts', 'src/cli/server/b.ts'],
    ['src/cli/server/a.ts', 'src/server/app.ts'],
    ['src/cli/server/a.ts', 'src/server/store/b.ts'],
    ['src/server/main.ts', 'src/server/app.ts'],
    ['src/server/main.ts', 'src/server/config/config.ts'],
    ['src/server/app.ts', 'src/server/http/b.ts'],
    ['src/server/app.ts', 'src/server/store/b.ts'],
    ['src/server/config/config.ts', 'src/server/config/settings.ts'],
    ['src/server/config/config.ts', 'src/server/mail/b.ts'],
    ['src/server/http/a.ts', 'src/server/sessions/b.ts'],
    ['src/server/http/a.ts', 'src/server/limits/b.ts'],
    ['src/server/accounts/a.ts', 'src/server/accounts/b.ts'],
    ['src/server/accounts/a.ts', 'src/server/store/b.ts'],
    ['src/server/accounts/a.ts', 'src/server/crypto/b.ts'],
    ['src/server/store/a.ts', 'src/protocol/b.ts'],
    ['src/server/keyring/a.test.ts', 'src/server/http/b.ts'],
    ['src/server/config/config.test.ts', 'src/server/config/config.ts'],
    ['src/client/a.test.ts', 'src/server/app.ts'],
    ['src/server/mail/a.test.ts', 'test/b.ts'],
    ['test/a.test.ts', 'src/server/store/b.ts'],
    ['bench/a.ts', 'src/server/app.ts'],
    ['tools/a.ts', 'src/server/config/settings.ts'],
    ['examples/a.ts', 'src/client/b.ts'],
    ['src/server/main.ts', 'package.json'],
    ['src/cli/server/a.ts', 'src/server/main.ts'],
    ['src/video/index.ts', 'src/video/media/b.ts'],
    ['src/video/media/a.ts', 'src/video/core/b.ts'],
    ['src/cli/a.ts', 'src/video/media/node.ts'],
    ['bench/a.ts', 'src/video/core/b.ts'],
    ['src/video/core/a.test.ts', 'test/b.ts'],
  ] as const;
  for (const [from, to] of allowed) test(`${from} may import ${to}`, (t) => assert.ok(mayImport(t, from, to)));

  const refused = [
    ['src/protocol/a.ts', 'src/client/b.ts'],
    ['src/video/core/a.ts', 'src/video/errors.ts'],
    ['src/video/media/a.ts', 'src/video/media/node.ts'],
    ['src/video/index.ts', 'src/protocol/b.ts'],
    ['src/server/messages/a.ts', 'src/video/core/b.ts'],
    ['src/protocol/a.ts', 'src/server/crypto/b.ts'],
    ['src/client/a.ts', 'src/cli/b.ts'],
    ['src/client/a.ts', 'src/server/app.ts'],
    ['src/cli/a.ts', 'src/server/app.ts'],
    ['src/cli/server/a.ts', 'src/server/http/b.ts'],
    ['src/server/app.ts', 'src/server/main.ts'],
    ['src/server/app.ts', 'src/client/b.ts'],
    ['src/server/http/a.ts', 'src/server/app.ts'],
    ['src/server/http/a.ts', 'src/server/api/b.ts'],
    ['src/server/http/a.ts', 'src/server/config/config.ts'],
    ['src/server/http/a.ts', 'src/server/store/b.ts'],
    ['src/server/accounts/a.ts', 'src/server/mail/b.ts'],
    ['src/server/accounts/a.ts', 'src/server/http/b.ts'],
    ['src/server/mail/a.ts', 'src/server/config/settings.ts'],
    ['src/server/store/a.ts', 'src/server/accounts/b.ts'],
    ['src/server/crypto/a.ts', 'src/protocol/b.ts'],
    ['src/server/crypto/a.ts', 'src/server/store/b.ts'],
    ['src/server/store/a.ts', 'test/b.ts'],
    ['src/server/store/a.ts', 'src/server/store/b.test.ts'],
    ['src/server/store/a.test.ts', 'src/server/main.ts'],
    ['test/a.test.ts', 'src/server/main.ts'],
    ['examples/a.ts', 'src/server/app.ts'],
    ['src/server/a.ts', 'src/server/store/b.ts'],
    ['src/server/app.ts', 'other/b.ts'],
  ] as const;
  for (const [from, to] of refused) test(`${from} may not import ${to}`, (t) => assert.ok(!mayImport(t, from, to)));

  test('the violation names the file, the import and the rule', (t) => {
    assert.deepEqual(
      violationsIn(t, {
        'src/server/mail/a.ts': "import type { Account } from '../accounts/account.ts';",
        'src/server/accounts/account.ts': '',
      }),
      ['src/server/mail/a.ts: imports ../accounts/account.ts, but src/server/mail may not import src/server/accounts'],
    );
  });
});

describe('use of Node.js and packages', () => {
  const uses = [
    ['src/server/main.ts', "process.on('SIGTERM', stop);", true],
    ['src/server/mail/a.ts', 'const { env } = process;', false],
    ['src/server/mail/a.ts', "import process from 'node:process';", false],
    ['src/server/mail/a.ts', 'globalThis.process.exit();', false],
    ['src/server/mail/a.ts', "// process\nqueue.process(); const a = { process: 1 }; const b = 'process';", true],
    ['src/server/mail/a.test.ts', 'process.env.A;', true],
    ['src/server/mail/a.ts', "import { randomBytes } from 'node:crypto';", true],
    ['src/cli/a.ts', 'process.argv;', true],
    ['src/protocol/a.ts', "import { createHash } from 'node:crypto';", false],
    ['src/protocol/a.ts', "import { createHash } from 'crypto';", false],
    ['src/protocol/a.ts', 'Buffer.from(bytes);', false],
    ['src/protocol/a.ts', "import { Type } from 'typebox'; crypto.subtle; new Uint8Array(1);", true],
    ['src/client/a.ts', "const fs = await import('node:fs');", false],
    ['src/client/a.test.ts', "import fs from 'node:fs';", true],
    ['src/video/media/a.ts', "import fs from 'node:fs';", false],
    ['src/video/media/node.ts', "import fs from 'node:fs';", true],
    ['src/video/core/a.ts', "import { sha256 } from '@noble/hashes/sha2.js';", false],
    ['src/video/keys.ts', "import { sha256 } from '@noble/hashes/sha2.js';", true],
    ['src/video/hide.ts', "import { Input } from 'mediabunny';", false],
    ['src/video/media/a.ts', "import { Input } from 'mediabunny';", true],
    ['src/video/media/a.ts', "import '@mediabunny/server';", false],
  ] as const;
  for (const [file, source, isAllowed] of uses) {
    test(`${file} ${isAllowed ? 'may' : 'may not'} contain: ${source}`, (t) => {
      assert.equal(violationsIn(t, { [file]: source }).length === 0, isAllowed);
    });
  }

  test('a computed import is refused', (t) => {
    assert.equal(violationsIn(t, { 'src/cli/a.ts': 'await import(name);' }).length, 1);
    assert.equal(violationsIn(t, { 'src/cli/a.ts': 'await import(`./b.ts`);' }).length, 1);
  });
});

describe('reading imports', () => {
  const sources: [name: string, source: string, specifiers: string[]][] = [
    ['a default', "import a from 'x';", ['x']],
    ['names over lines', "import {\n  a,\n  type B,\n} from 'x';", ['x']],
    ['double quotes', 'import a from "x";', ['x']],
    ['a namespace', "import * as a from 'x';", ['x']],
    ['types', "import type { A } from 'x';", ['x']],
    ['only the effect', "import 'x';", ['x']],
    ['exported names', "export { a } from 'x';", ['x']],
    ['exported types', "export type { A } from 'x';", ['x']],
    ['everything exported', "export * from 'x';", ['x']],
    ['with attributes', "import a from 'x' with { type: 'json' };", ['x']],
    ['at run time', "const a = await import('x');", ['x']],
    ['at run time over lines', "const a = await import(\n  'x'\n);", ['x']],
    ['a type in place', "let a: import('x').A;", ['x']],
    ['required', "const a = require('x');", ['x']],
    ['in one line', "import a from 'x';import b from 'y';", ['x', 'y']],
    ['after a string with a comment in it', "const a = '*/*';\nimport b from 'x'; /* */", ['x']],
    ['after an address', "const a = 'http://x'; await import('y');", ['y']],
    ['after a quotation mark in a regular expression', "const a = /['\"`]/;\nimport b from 'x';", ['x']],
    ['after nested templates', `const a = \`b \${c ? \`'d\` : ''} e\`;\nimport b from 'x';`, ['x']],
    ['not in a comment', "// import a from 'x';\n/* import b from 'y'; */", []],
    ['not in documentation', "/**\n * import a from 'x';\n */", []],
    ['not in a string', 'const a = "import b from \'x\';";', []],
    ['not in a template', "const a = `\nimport b from 'x';\n`;", []],
    ['not a method', "Buffer.from('x'); from('x'); a.import('x'); a.require('x');", []],
  ];
  for (const [name, source, specifiers] of sources) {
    test(name, () => assert.deepEqual(readImports(source).specifiers, specifiers));
  }
});

describe('circular imports', () => {
  const cyclesOf = (graph: Record<string, string[]>) => findCycles(new Map(Object.entries(graph)));

  test('none if paths only meet', () => assert.deepEqual(cyclesOf({ a: ['b', 'c'], b: ['d'], c: ['d'] }), []));
  test('a file that imports itself', () => assert.deepEqual(cyclesOf({ a: ['a'] }), [['a', 'a']]));
  test('three files, listed from the first of the cycle', () => {
    assert.deepEqual(cyclesOf({ a: ['b'], b: ['c'], c: ['d'], d: ['b'] }), [['b', 'c', 'd', 'b']]);
  });
  test('two cycles', () => assert.equal(cyclesOf({ a: ['b'], b: ['a'], c: ['d'], d: ['c'] }).length, 2));

  test('are violations', (t) => {
    const violations = violationsIn(t, {
      'src/protocol/a.ts': "import { b } from './b.ts';",
      'src/protocol/b.ts': "import type { A } from './a.ts';",
    });
    assert.deepEqual(violations, ['circular import: src/protocol/a.ts -> src/protocol/b.ts -> src/protocol/a.ts']);
  });
});
