/**
 * What may be logged of an unexpected error. Messages of the engine's own errors can quote the value at hand, so only
 * plain errors keep theirs; the frames tell the rest.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, errcode, errstr } = error as { code?: unknown; errcode?: unknown; errstr?: unknown };
  return {
    type: error.name,
    ...(error.constructor === Error && { message: error.message }),
    ...(typeof code === 'string' && { code }),
    ...(typeof errcode === 'number' && { errcode, errstr }),
    // Without the message first: it may have lines that look like frames.
    frames: (error.stack ?? '')
      .replace(error.message, '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .map((line) => line.trim()),
    ...(error.cause !== undefined && { cause: errorFields(error.cause) }),
  };
}
