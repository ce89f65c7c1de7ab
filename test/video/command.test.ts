// `vws hide` and `vws reveal`: results, messages, exit codes, and what is left on the disk.
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runVws, startVws } from '../support/vws.ts';
import { drawDiscs, testFolder, writeFile } from './files.ts';

const folder = testFolder(after);
const inFolder = (name: string) => join(folder, name);
const MESSAGE = Buffer.from(Uint8Array.from({ length: 63 }, (_, i) => 7 * i)).toString('base64url');
const key = inFolder('shared.key');
writeFileSync(key, `${Buffer.alloc(32, 5).toString('base64url')}\n`);
const times = Array.from({ length: 125 }, (_, i) => i / 24);
const clip = await writeFile(inFolder('clip.mp4'), { width: 640, height: 480, times, draw: drawDiscs });
const short = await writeFile(inFolder('short.mp4'), { seconds: 3, draw: () => {} });

const filesNow = () => readdirSync(folder).sort();
const before = filesNow();
const hide = (...args: string[]) => runVws(['hide', ...args], { input: `${MESSAGE}\n` });

describe('hide, then reveal', () => {
  const hidden = inFolder('clip.vws.mp4');

  test('hide writes clip.vws.mp4 after reading it back; reveal prints the message', async () => {
    const { code, stdout, stderr } = await hide(clip, '--key', key, '--json');
    assert.deepEqual([code, stderr], [0, '']);
    const { psnr, ...result } = JSON.parse(stdout);
    const expected = { file: hidden, profile: 'b128', strength: 'invisible', verified: ['file', '480p'] };
    assert.deepEqual(result, expected);
    assert.ok(psnr > 40, `PSNR ${psnr}`);
    assert.deepEqual(filesNow(), [...before, 'clip.vws.mp4'].sort());
    assert.deepEqual(await runVws(['reveal', hidden, '--key', key]), {
      code: 0,
      signal: null,
      stdout: `${MESSAGE}\n`,
      stderr: '',
    });
  });

  test('a token is hidden in the profile for tokens', async () => {
    const token = Buffer.from(Uint8Array.from({ length: 16 }, (_, i) => 11 * i)).toString('base64url');
    const withToken = inFolder('token.mp4');
    const { code, stdout } = await runVws(['hide', clip, '--key', key, '--out', withToken, '--json'], {
      input: `${token}\n`,
    });
    assert.deepEqual([code, JSON.parse(stdout).profile], [0, 'token']);
    assert.equal((await runVws(['reveal', withToken, '--key', key])).stdout, `${token}\n`);
    rmSync(withToken);
  });

  test('reveal --json: message, profile, kind of key, coherence', async () => {
    const { stdout } = await runVws(['reveal', hidden, '--key', key, '--json']);
    const { coherence, ...found } = JSON.parse(stdout);
    assert.deepEqual(found, { message: MESSAGE, profile: 'b128', key: 'shared' });
    assert.ok(coherence.luma > 0.5 && coherence.luma <= 1);
  });

  test('an existing file is kept without --force', async () => {
    const { code, stderr } = await hide(clip, '--key', key);
    assert.equal(code, 1);
    assert.match(stderr, /clip\.vws\.mp4 exists\. Choose another name with --out, or use --force\.\n$/);
  });
});

test('hide: a clip that is too short, with the length that is needed', async () => {
  const { code, stderr } = await hide(short, '--key', key);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^vws hide: short\.mp4: The clip is 3 s long; 128 bytes need 5 s\. No file was written\. Use a longer/,
  );
  const { stdout } = await hide(short, '--key', key, '--json');
  assert.equal(JSON.parse(stdout).error.code, 'too_short');
});

test('files that are missing, not videos, or folders', async () => {
  for (const [path, expected] of [
    [inFolder('none.mp4'), /File not found/],
    [key, /shared\.key: The file is not a video/],
    [folder, /is a folder/],
  ] as const) {
    for (const name of ['hide', 'reveal']) {
      const { code, stderr } = await runVws([name, path, '--key', key], { input: MESSAGE });
      assert.equal(code, 1);
      assert.match(stderr, expected);
    }
  }
});

test('hide: input that is not a message', async () => {
  for (const input of ['', 'Meet me at noon.', `${MESSAGE.slice(1)}!`]) {
    const { code, stderr } = await runVws(['hide', short, '--key', key], { input });
    assert.equal(code, 7);
    assert.match(stderr, /The input is not a message\. Send or encrypt the text first/);
  }
});

test('keys: missing, short, several lines; both inputs from one stream', async () => {
  const weak = inFolder('weak.key');
  for (const [text, expected] of [
    ['fifteen letters\n', /must have 16 characters or more/],
    ['one line of a key\nanother\n', /must have one line/],
  ] as const) {
    writeFileSync(weak, text);
    const { code, stderr } = await runVws(['reveal', short, '--key', weak]);
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
  rmSync(weak);
  assert.match((await runVws(['reveal', short])).stderr, /--key is missing/);
  assert.match((await hide(short, '--key', '-')).stderr, /cannot both come from standard input/);
});

test('reveal: nothing found exits with 7', async () => {
  const { code, stderr } = await runVws(['reveal', short, '--key', key]);
  assert.equal(code, 7);
  assert.match(stderr, /No message for this key was found in short\.mp4\. \(--deep searches further\.\)/);
});

test('Ctrl-C: exit code 130, and no file is left', async () => {
  const files = filesNow();
  const { child, result } = startVws(['hide', clip, '--key', key, '--out', inFolder('other.mp4')], { input: MESSAGE });
  // The temporary file appears when the clip is being changed.
  while (!filesNow().some((name) => name.endsWith('.part'))) {
    assert.equal(child.exitCode, null);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill('SIGINT');
  const { code, stderr } = await result;
  assert.deepEqual([code, stderr], [130, 'Interrupted. No file was written.\n']);
  assert.deepEqual(filesNow(), files);
});

test('progress is shown at a terminal only', async () => {
  const { Progress } = await import('../../src/cli/terminal/progress.ts');
  const lines: (string | undefined)[] = [];
  const progress = new Progress({ showStatus: (line) => void lines.push(line) });
  progress.show('Analyze', 0.5, '0:42');
  progress.show('Analyze', 0.5, '0:42');
  progress.show('Hide', 1);
  progress.end();
  progress.end();
  const [half, full] = ['█'.repeat(10) + '░'.repeat(10), '█'.repeat(20)];
  assert.deepEqual(lines, [`Analyze  ${half}  50 %  0:42`, undefined, `Hide     ${full} 100 %`, undefined]);
});
