// Prompts on a terminal.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Interrupted, UsageError } from '../errors.ts';
import { Prompts } from './prompts.ts';

/** A fake terminal: typed keys, displayed text, and whether it is in raw mode. */
function createTerminal() {
  let isRaw = false;
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode(on: boolean) {
      isRaw = on;
      return input;
    },
  });
  const output = new PassThrough();
  let shown = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  return {
    prompts: new Prompts(input, output),
    type: (keys: string) => input.write(keys),
    isRaw: () => isRaw,
    shown: () => shown,
  };
}

test('answers are echoed, secrets are not', async () => {
  const { prompts, type, shown, isRaw } = createTerminal();
  const name = prompts.ask('Name');
  type('böb\r');
  assert.equal(await name, 'böb');
  const secret = prompts.askSecret('Password');
  type('hunter\x7fR2 \u{1f600}\r');
  assert.equal(await secret, 'hunteR2 \u{1f600}');
  assert.match(shown(), /^Name: .*böb/s);
  assert.match(shown(), /Password: \n$/);
  assert.doesNotMatch(shown(), /hunt|R2/);
  assert.equal(isRaw(), false);
});

test('Ctrl-C and Ctrl-D end the prompt and restore the terminal', async () => {
  for (const ask of ['ask', 'askSecret'] as const) {
    for (const [key, error] of [
      ['\x03', Interrupted],
      ['\x04', UsageError],
    ] as const) {
      const { prompts, type, isRaw } = createTerminal();
      const answer = prompts[ask]('Password');
      assert.equal(isRaw(), true);
      type(key);
      await assert.rejects(answer, error);
      assert.equal(isRaw(), false);
    }
  }
});

test('several answers pasted at once: a secret among them is not echoed', async () => {
  const { prompts, type, shown } = createTerminal();
  const name = prompts.ask('Name');
  type('bob\rsecret words\r');
  assert.equal(await name, 'bob');
  assert.equal(await prompts.askSecret('Password'), 'secret words');
  assert.doesNotMatch(shown(), /secret/);
});
