import { Buffer } from 'node:buffer';
import { CommandError, type Shell, UsageError } from '../command.ts';
import { createLineReader } from './lines.ts';
import { printable } from './printable.ts';
import { createPrompts } from './prompts.ts';

type Streams = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>;

/** @param streams the process */
export function openShell(streams: Streams): Shell & { close(): void } {
  const { stdout, stderr, env } = streams;
  let isStdinOpen = false;
  // Merely looking at the standard input opens it, and a command that reads nothing need not.
  const stdin = () => {
    isStdinOpen = true;
    return streams.stdin;
  };
  const isTerminal = () => stdin().isTTY === true;
  const forStdout = (text: string) => (stdout.isTTY ? printable(text) : text);
  const lines = once(() => createLineReader(stdin()));
  const prompts = once(() => createPrompts(stdin(), stderr));

  async function nextLine(what: string): Promise<string> {
    const line = await lines().next();
    if (line === undefined) throw new UsageError(`${what} is missing: the standard input has no more lines.`);
    return line;
  }

  return {
    print: (line) => stdout.write(`${forStdout(line)}\n`),
    note: (line) => stderr.write(`${printable(line)}\n`),
    write(text) {
      stdout.write(forStdout(text));
      if (stdout.isTTY && !text.endsWith('\n')) stdout.write('\n');
    },
    environment: env,
    get isTerminal() {
      return isTerminal();
    },
    ask: (what) => (isTerminal() ? prompts().ask(what) : nextLine(what)),
    askSecret: (what) => (isTerminal() ? prompts().askSecret(what) : nextLine(what)),
    async readAll(maxBytes) {
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of stdin() as AsyncIterable<Uint8Array>) {
        chunks.push(chunk);
        length += chunk.length;
        if (length > maxBytes)
          throw new CommandError(`The input is longer than ${maxBytes} bytes.`, 'message_too_large');
      }
      return Buffer.concat(chunks);
    },
    /** Somebody who keeps the other end of a pipe open does not keep the process alive. */
    close() {
      if (isStdinOpen) streams.stdin.destroy();
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
