// The options that all commands of a client have in common: which server, which session, which output.
import { statSync } from 'node:fs';
import type { None, Values } from './command.ts';
import { UsageError } from './errors.ts';
import { checkPrivateFolder } from './state/files.ts';
import { findStateFolder, type ServerState, StateFolder } from './state/state.ts';
import type { Shell } from './terminal/shell.ts';

const DEFAULT_SERVER = 'http://127.0.0.1:5000';
const DEFAULT_TIMEOUT_SECONDS = 15;
const MAX_TIMEOUT_SECONDS = 3_600;

export const commonOptions = {
  '--server <url>': `server address (default: VWS_SERVER, else the server of the last login, else ${DEFAULT_SERVER})`,
  '--pin <fingerprint>':
    'connect only to the server with this fingerprint; get it from the operator. Replaces a different stored fingerprint ' +
    'and starts a new session. Without it, the first fingerprint that the server shows is trusted and stored',
  '--trust-first-use':
    'without a terminal, trust the first fingerprint also over plain HTTP; an attacker on the network path can forge it',
  '--timeout <seconds>': `how long to wait for a response (default: ${DEFAULT_TIMEOUT_SECONDS})`,
  '--json': 'print the result, or the error, as one line of JSON on standard output',
  '--state <folder>':
    'where sessions and fingerprints are stored (default: VWS_STATE_DIR, else $XDG_STATE_HOME/vws, else ' +
    '~/.local/state/vws)',
  '--suite1': 'use the original protocol, for old servers; it is secure only over HTTPS',
} as const;

/** The parsed common options. */
export interface CommonOptions {
  /** Without a trailing slash. */
  readonly url: string;
  readonly pin: string | undefined;
  /** Trusts the first fingerprint without a terminal, also over plain HTTP. */
  readonly trustFirstUse: boolean;
  readonly suite: 1 | 2;
  readonly timeoutMs: number;
  readonly json: boolean;
  readonly state: StateFolder;
  /** The stored data about this server. */
  readonly serverState: ServerState;
}

/** @throws UsageError */
export function readCommonOptions(
  values: Partial<Values<None, typeof commonOptions>>,
  { environment }: Pick<Shell, 'environment'>,
): CommonOptions {
  const state = new StateFolder(readStateFolder(values.state?.trim(), environment));
  const url = readServerUrl(values.server?.trim(), environment.VWS_SERVER) ?? state.readServer() ?? DEFAULT_SERVER;
  const suite = values.suite1 ? 1 : 2;
  return {
    url,
    pin: readPin(values.pin?.trim(), suite),
    trustFirstUse: values['trust-first-use'] === true,
    suite,
    timeoutMs: readTimeout(values.timeout?.trim()),
    json: values.json === true,
    state,
    serverState: state.ofServer(url),
  };
}

function readStateFolder(option: string | undefined, environment: Shell['environment']): string {
  const folder = findStateFolder(option, environment);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory()) checkPrivateFolder(folder);
  else if (found) {
    const from = option ? '--state' : environment.VWS_STATE_DIR ? 'VWS_STATE_DIR' : 'XDG_STATE_HOME';
    throw new UsageError(`${from} is not a folder: ${folder}`);
  }
  return folder;
}

function readServerUrl(option: string | undefined, variable: string | undefined): string | undefined {
  if (option) return parseServerUrl('--server', option);
  return variable ? parseServerUrl('VWS_SERVER', variable) : undefined;
}

/**
 * @param from the option or variable that the address comes from, for the error
 * @returns the address without a trailing slash
 * @throws UsageError
 */
export function parseServerUrl(from: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${from} must be an address such as https://vws.example.org`);
  }
  // The address is displayed and stored, so it must not contain a secret.
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError(`${from} must be an address without a user, a query or a fragment.`);
  }
  return url.href.replace(/\/+$/, '');
}

function readPin(pin: string | undefined, suite: 1 | 2): string | undefined {
  if (!pin) return undefined;
  if (!/^[\w-]{43}$/.test(pin)) throw new UsageError('--pin must be a fingerprint: 43 characters of A-Z a-z 0-9 - _');
  if (suite === 1) throw new UsageError('--pin cannot be used with --suite1: suite 1 has no fingerprints.');
  return pin;
}

function readTimeout(text: string | undefined): number {
  const seconds = text ? Number(text) : DEFAULT_TIMEOUT_SECONDS;
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS)) {
    throw new UsageError(`--timeout must be a number of seconds, at most ${MAX_TIMEOUT_SECONDS}.`);
  }
  return seconds * 1000;
}
