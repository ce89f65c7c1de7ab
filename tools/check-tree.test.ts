// The rules for the files of the tree.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkTree } from './check-tree.ts';

const SOUND = {
  'package-lock.json': '{}',
  'tools/node/package-lock.json': '{}',
  'tools/postgres/package-lock.json': '{}',
  'tools/video/package-lock.json': '{}',
};

function violationsIn(t: TestContext, files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'vws-tree-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [file, content] of Object.entries({ ...SOUND, ...files })) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  }
  return checkTree(root);
}

test('a tree without violations', (t) => {
  const line = '/* */ const todo = { only: 1 }; // nothing to do, /tmp/XXXXXX\n';
  assert.deepEqual(violationsIn(t, { 'src/a.ts': line.repeat(400), 'test/long.ts': line.repeat(401) }), []);
});

test('a file that is too long', (t) => {
  assert.deepEqual(violationsIn(t, { 'src/a/b.ts': '// x\n'.repeat(401) }), ['src/a/b.ts: 401 lines, more than 400']);
});

test('a file without a first line that describes it', (t) => {
  const files = { 'src/a.ts': "import b from './b.ts';\n// late", 'src/a.test.ts': '', 'src/b.ts': '// The letter.' };
  assert.deepEqual(violationsIn(t, files), ['src/a.ts: no comment in the first line that describes the file']);
});

for (const marker of [`TO${'DO'}`, `FIX${'ME'}`, `XX${'X'}`, `.on${'ly('}`, `.sk${'ip('}`]) {
  test(`${marker} in the source, in a test, a tool, a benchmark or an example`, (t) => {
    for (const folder of ['src', 'test', 'tools', 'bench', 'examples']) {
      assert.deepEqual(
        violationsIn(t, { [`${folder}/a.ts`]: `// one\ntest${marker}'x')` }).length,
        marker.startsWith('.') ? 1 : 0,
      );
      assert.deepEqual(violationsIn(t, { [`${folder}/a.ts`]: `// one\na ${marker} b` }), [
        `${folder}/a.ts:2: ${marker} left`,
      ]);
    }
  });
}

for (const file of Object.keys(SOUND)) {
  test(`the address of a registry in ${file}`, (t) => {
    const lockFile = JSON.stringify(
      { packages: { 'node_modules/a': { resolved: 'https://packages.example/a.tgz' } } },
      null,
      2,
    );
    assert.equal(violationsIn(t, { [file]: lockFile }).length, 1);
  });
}

test('a folder of the project in the place of a package is not an address', (t) => {
  const lockFile = '{\n "packages": { "node_modules/werift": { "resolved": "no-webrtc", "link": true } } }';
  assert.deepEqual(violationsIn(t, { 'tools/video/package-lock.json': lockFile }), []);
});
