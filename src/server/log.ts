// The logger of the process, and the fields of errors that are safe to log.
import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

/**
 * Creates the logger, which writes JSON lines to standard output.
 *
 * @returns the logger, and a function that writes buffered lines before the process exits
 */
export function createLogger(level: string): { readonly log: Logger; readonly flush: () => void } {
  // Written in the background, so that a log line costs a request very little.
  const destination = pino.destination({ fd: 1, sync: false });
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return { log: pino(options, destination), flush: () => destination.flushSync() };
}

/**
 * Returns what may be logged of an unexpected error. Messages of the engine's own errors can quote the value that they
 * failed on, so only plain errors keep theirs; the stack frames show the rest.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, errcode, errstr } = error as { code?: unknown; errcode?: unknown; errstr?: unknown };
  return {
    type: error.name,
    ...(error.constructor === Error && { message: error.message }),
    ...(typeof code === 'string' && { code }),
    ...(typeof errcode === 'number' && { errcode, errstr }),
    // The message is removed first: it may have lines that look like frames.
    frames: (error.stack ?? '')
      .replace(error.message, '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .map((line) => line.trim()),
    ...(error.cause !== undefined && { cause: errorFields(error.cause) }),
  };
}
