import { VwsError } from './error.ts';
import type { SessionStorage } from './options.ts';
import type { PendingRequest, Step, Suite } from './suite.ts';
import { isObject } from './unsealed.ts';

/** A session as it was kept. */
export interface SavedSession {
  readonly step: Step;
  readonly pending: PendingRequest | undefined;
}

const FORMAT = 1;

/**
 * @returns undefined if nothing is kept, or what is kept is no session of this suite with this server
 * @throws {VwsError} `storage_failed`
 */
export async function loadSession(
  storage: SessionStorage | undefined,
  suite: Suite,
  url: string,
): Promise<SavedSession | undefined> {
  const saved = parse(await guard(async () => storage?.load()));
  if (!saved || saved.format !== FORMAT || saved.suite !== suite.id || saved.url !== url) return undefined;
  if (!isObject(saved.step) || (saved.pending !== undefined && !isPending(saved.pending))) return undefined;
  const step = suite.restore(saved.step);
  return step && { step, pending: saved.pending };
}

/** @throws {VwsError} `storage_failed` */
export function saveSession(
  storage: SessionStorage | undefined,
  suite: Suite,
  url: string,
  step: Step,
  pending?: PendingRequest,
): Promise<void> {
  const text = JSON.stringify({ format: FORMAT, suite: suite.id, url, step: step.saved, pending });
  return guard(async () => storage?.save(text));
}

async function guard<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new VwsError('storage_failed', 'The session could not be loaded or saved; nothing was sent.', { cause });
  }
}

/** What was cut off in the middle of writing is no session. */
function parse(text: string | null | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isPending(value: unknown): value is PendingRequest {
  if (!isObject(value) || typeof value.path !== 'string' || typeof value.body !== 'string') return false;
  return value.secret === undefined || typeof value.secret === 'string';
}
