// The logger of the process, and the fields of errors that are safe to log.
import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

/** Time for the reader of the log to take the last lines. */
const CLOSE_TIMEOUT_MS = 1_000;

/** The logger of the process. */
export interface ProcessLog {
  readonly log: Logger;
  /**
   * Writes buffered lines before the process exits; later ones are dropped.
   *
   * @returns false if the reader has stalled; exiting would then wait for it
   */
  close(): Promise<boolean>;
}

/** Creates the logger, which writes JSON lines to standard output. */
export function createLogger(level: string): ProcessLog {
  // Written in the background, so that a log line costs a request very little.
  const destination = pino.destination({ fd: 1, sync: false });
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  let hasReader = true;
  // pino drops further lines then.
  destination.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    hasReader = false;
  });
  return {
    log: pino(options, destination),
    close: () =>
      new Promise((resolve) => {
        if (!hasReader) return resolve(true);
        const timer = setTimeout(() => resolve(false), CLOSE_TIMEOUT_MS);
        destination.once('close', () => {
          clearTimeout(timer);
          resolve(true);
        });
        destination.end();
      }),
  };
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
