// Loads and saves sessions in the application's storage.
import { VwsError } from './error.ts';
import { isObject } from './json.ts';
import type { SessionStorage } from './options.ts';
import type { PendingRequest, SessionState, Suite } from './suite.ts';

interface StoredSession {
  readonly state: SessionState;
  readonly pending: PendingRequest | undefined;
}

const FORMAT = 1;

/**
 * Loads a session.
 *
 * @returns undefined if nothing is stored, or the stored text is not a session of this suite with this server
 * @throws {VwsError} `storage_failed`
 */
export async function loadSession(
  storage: SessionStorage | undefined,
  suite: Suite,
  url: string,
): Promise<StoredSession | undefined> {
  const saved = parse(await guard(async () => storage?.load()));
  if (!saved || saved.format !== FORMAT || saved.suite !== suite.id || saved.url !== url) return undefined;
  if (!isObject(saved.state) || (saved.pending !== undefined && !isPending(saved.pending))) return undefined;
  const state = suite.restore(saved.state);
  return state && { state, pending: saved.pending };
}

/**
 * Saves a session.
 *
 * @throws {VwsError} `storage_failed`
 */
export function saveSession(
  storage: SessionStorage | undefined,
  suite: Suite,
  url: string,
  state: SessionState,
  pending?: PendingRequest,
): Promise<void> {
  const text = JSON.stringify({ format: FORMAT, suite: suite.id, url, state: state.saved, pending });
  return guard(async () => storage?.save(text));
}

async function guard<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new VwsError('storage_failed', 'The session could not be loaded or saved; nothing was sent.', { cause });
  }
}

/** @returns undefined for invalid JSON, as after an interrupted write */
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
  return (value.secret === undefined || typeof value.secret === 'string') && isToken(value.token);
}

function isToken(token: unknown): boolean {
  return (
    token === undefined || (isObject(token) && typeof token.value === 'string' && typeof token.digest === 'string')
  );
}
