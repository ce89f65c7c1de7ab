import { statSync } from 'node:fs';
import { type Output, type Shell, UsageError } from './command.ts';
import { findStateFolder, openState, type ServerState, type State } from './state/state.ts';

const DEFAULT_SERVER = 'http://127.0.0.1:5000';
const DEFAULT_TIMEOUT_SECONDS = 15;
const MAX_TIMEOUT_SECONDS = 3_600;

/** The options of every command that speaks to a server, as `node:util` describes them. */
export const commonOptions = {
  server: { type: 'string' },
  pin: { type: 'string' },
  state: { type: 'string' },
  timeout: { type: 'string' },
  suite1: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** Closes the help of every command that has them. */
export const commonOptionsHelp = `  --server <url>       the server; without it VWS_SERVER, else the one that was logged in to last,
                       else ${DEFAULT_SERVER}
  --pin <fingerprint>  what vws fingerprint tells and the server's operator confirms; without it the first
                       fingerprint that the server shows is trusted, and no other one after that; another one
                       than the known one starts a new session
  --timeout <seconds>  how long to wait for an answer, ${DEFAULT_TIMEOUT_SECONDS} by default
  --json               one line of JSON on the standard output, an error too: {"error":{"code","title","detail"}}
  --state <folder>     where sessions and fingerprints are kept; without it VWS_STATE_DIR, else vws in
                       XDG_STATE_HOME, else ~/.local/state/vws
  --suite1             speak as clients did before suite 2: for old servers, and over HTTPS only`;

/** How a command reaches its server. */
export interface CommonOptions {
  /** Without a slash at its end. */
  readonly url: string;
  readonly pin: string | undefined;
  readonly suite: 1 | 2;
  /** Milliseconds. */
  readonly timeout: number;
  readonly json: boolean;
  readonly state: State;
  /** What is kept of this server. */
  readonly kept: ServerState;
}

/** @throws UsageError */
export function readCommonOptions(
  values: { readonly [N in keyof typeof commonOptions]?: string | boolean | undefined },
  { environment }: Pick<Shell, 'environment'>,
): CommonOptions {
  const text = (name: 'server' | 'pin' | 'state' | 'timeout') =>
    (values[name] as string | undefined)?.trim() || undefined;
  const folder = findStateFolder(text('state'), environment);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false) {
    const from = text('state') ? '--state' : environment.VWS_STATE_DIR ? 'VWS_STATE_DIR' : 'XDG_STATE_HOME';
    throw new UsageError(`${from} is no folder: ${folder}`);
  }
  const state = openState(folder);
  const url = text('server')
    ? parseServerUrl('--server', text('server') ?? '')
    : environment.VWS_SERVER
      ? parseServerUrl('VWS_SERVER', environment.VWS_SERVER)
      : (state.readServer() ?? DEFAULT_SERVER);
  const suite = values.suite1 ? 1 : 2;
  const pin = text('pin');
  if (pin !== undefined && !/^[\w-]{43}$/.test(pin)) {
    throw new UsageError('--pin must be a fingerprint: 43 characters of A-Z a-z 0-9 - _');
  }
  if (pin !== undefined && suite === 1)
    throw new UsageError('--pin needs suite 2: in suite 1 a server has no fingerprint.');
  return {
    url,
    pin,
    suite,
    timeout: parseTimeout(text('timeout')),
    json: values.json === true,
    state,
    kept: state.of(url),
  };
}

/**
 * @param from the option or variable that the address comes from, for the error
 * @returns the address without a slash at its end
 * @throws UsageError
 */
export function parseServerUrl(from: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${from} must be an address such as https://vws.example.org`);
  }
  // The address is shown and kept: no place for a secret.
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError(`${from} must be an address without a user, a query or a fragment.`);
  }
  return url.href.replace(/\/+$/, '');
}

function parseTimeout(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_TIMEOUT_SECONDS : Number(text);
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS)) {
    throw new UsageError(`--timeout must be a number of seconds, at most ${MAX_TIMEOUT_SECONDS}.`);
  }
  return seconds * 1000;
}

/** Tells the result: as JSON to programs, else in the given lines. */
export function tell(output: Output, { json }: Pick<CommonOptions, 'json'>, result: object, show: () => void): void {
  if (json) output.print(JSON.stringify(result));
  else show();
}
