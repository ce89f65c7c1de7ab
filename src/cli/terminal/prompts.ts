import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import { Interrupted, UsageError } from '../errors.ts';

/** Asks questions on a terminal. */
export interface Prompts {
  /** @throws {@link Interrupted} at Ctrl-C; UsageError at Ctrl-D */
  ask(question: string): Promise<string>;
  /** The same, without showing what is typed. */
  askSecret(question: string): Promise<string>;
}

/**
 * @param input the terminal; it is in raw mode only while a question is open, so that Ctrl-C is a signal in between
 * @param output where the questions are shown
 */
export function createPrompts(input: Readable, output: Writable): Prompts {
  /** Lines that came with an earlier one, as when several are pasted. */
  const typedAhead: string[] = [];

  async function readAnswer(question: string, isSecret: boolean): Promise<string> {
    const show = () => output.write(`${question}: `);
    const ahead = typedAhead.shift();
    if (ahead !== undefined) {
      show();
      return ahead;
    }
    let isShown = !isSecret;
    const screen = new Writable({
      write(chunk, _encoding, done) {
        if (isShown) output.write(chunk);
        done();
      },
    });
    const editor = createInterface({ input, output: screen, terminal: true, historySize: 0 });
    // Only now is the terminal in raw mode: whoever answers a question at once must not see the answer on the screen.
    show();
    try {
      return await new Promise<string>((resolve, reject) => {
        editor.on('line', (line) => {
          // What follows may be a secret.
          isShown = false;
          typedAhead.push(line);
          // The rest of what was pasted arrives in the same turn.
          setImmediate(() => resolve(typedAhead.shift() ?? ''));
        });
        editor.on('SIGINT', () => reject(new Interrupted()));
        editor.on('close', () => reject(new UsageError('The input ended before the answer.')));
      });
    } finally {
      editor.close();
    }
  }

  return {
    ask: (question) => readAnswer(question, false),
    async askSecret(question) {
      try {
        return await readAnswer(question, true);
      } finally {
        output.write('\n');
      }
    },
  };
}
