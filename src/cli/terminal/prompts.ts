// Prompts on a terminal, with and without echo.
import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import { Interrupted, UsageError } from '../errors.ts';

export class Prompts {
  readonly #input: Readable;
  readonly #output: Writable;
  /** Lines that arrived together with an earlier one, as when several are pasted. */
  readonly #typedAhead: string[] = [];

  /**
   * @param input the terminal; it is in raw mode only during a prompt, so that Ctrl-C is a signal otherwise
   * @param output where prompts are shown
   */
  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
  }

  /**
   * Prompts for an answer, which is echoed.
   *
   * @throws {@link Interrupted} at Ctrl-C
   * @throws UsageError at Ctrl-D
   */
  ask(question: string): Promise<string> {
    return this.#readAnswer(question, false);
  }

  /** The same as {@link ask} without echo. */
  async askSecret(question: string): Promise<string> {
    try {
      return await this.#readAnswer(question, true);
    } finally {
      this.#output.write('\n');
    }
  }

  async #readAnswer(question: string, isSecret: boolean): Promise<string> {
    const output = this.#output;
    const typedAhead = this.#typedAhead;
    const showQuestion = () => output.write(`${question}: `);
    const ahead = typedAhead.shift();
    if (ahead !== undefined) {
      showQuestion();
      return ahead;
    }
    let isEchoed = !isSecret;
    const screen = new Writable({
      write(chunk, _encoding, done) {
        if (isEchoed) output.write(chunk);
        done();
      },
    });
    const editor = createInterface({ input: this.#input, output: screen, terminal: true, historySize: 0 });
    // The terminal is in raw mode only now: a secret typed earlier would be echoed.
    showQuestion();
    try {
      return await new Promise<string>((resolve, reject) => {
        editor.on('line', (line) => {
          // Input that follows may be a secret.
          isEchoed = false;
          typedAhead.push(line);
          // The other lines of a paste arrive in the same turn of the event loop.
          setImmediate(() => resolve(typedAhead.shift() ?? ''));
        });
        editor.on('SIGINT', () => reject(new Interrupted()));
        editor.on('close', () => reject(new UsageError('The input ended before the answer.')));
      });
    } finally {
      editor.close();
    }
  }
}
