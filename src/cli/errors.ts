// Errors of the command itself: wrong usage, an interrupted prompt, and operations that failed.
import type { ErrorCode } from './exitCodes.ts';

/** The command line is wrong. The message explains how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The user pressed Ctrl-C at a prompt. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

interface CommandErrorDetails {
  /** Multi-line text for people, printed in place of the message. */
  readonly text?: string;
  /** Additional fields of the JSON error. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** A command failed for a known reason. The message is complete, so that no stack trace is printed. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: ErrorCode;
  readonly text: string | undefined;
  readonly fields: Readonly<Record<string, string>>;

  constructor(message: string, code: ErrorCode = 'failed', { text, fields = {} }: CommandErrorDetails = {}) {
    super(message);
    this.code = code;
    this.text = text;
    this.fields = fields;
  }
}
