// Rules of accounts, recoveries and sessions: the server as its clients see it, in plain data.
import type { ProblemCode } from '../../src/protocol/problems.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
export const IDLE_TIME = HOUR_MS;
/** Idle timeout of a session before its first request. */
const UNUSED_TIME = 10 * MINUTE_MS;
/** Time during which an expired session is distinguished from an unknown one. */
const EXPIRED_SESSION_MEMORY = HOUR_MS;
const MAX_FAILURES = 5;
const LOCK_TIME = 15 * MINUTE_MS;
const ATTEMPTS_MEMORY = 24 * HOUR_MS;
const CODE_LIFETIME_MS = 10 * MINUTE_MS;
const MAX_CODES = 5;

export interface User {
  username: string;
  /** All names that the user has or had: no other user gets them. */
  readonly names: Set<string>;
  readonly email: string;
  password: string;
  /** Changes with every new password, even an equal one. */
  passwordVersion: number;
}

export interface Attempts {
  failures: number;
  at: number;
  lockedUntil: number | null;
}

export interface Recovery {
  readonly user: string | null;
  readonly mail: string;
  tries: number;
  expiresAt: number;
  confirmed: boolean;
  used: boolean;
}

export interface Step {
  readonly user: string | null;
  readonly recovery: string | null;
  used: boolean;
}

export interface Session {
  lastUse: number;
  readonly steps: Map<string, Step>;
}

/** Keys are ids in hex; for attempts, email addresses. */
export interface State {
  readonly users: Map<string, User>;
  readonly attempts: Map<string, Attempts>;
  readonly recoveries: Map<string, Recovery>;
  readonly sessions: Map<string, Session>;
  /** Recipient of each email that must be sent. */
  readonly mails: Map<string, string>;
}

/** A request with everything that its outcome depends on. */
export type Request =
  | { readonly to: 'register'; readonly username: string; readonly email: string; readonly password: string }
  | { readonly to: 'log in'; readonly email: string; readonly password: string }
  | { readonly to: 'change name'; readonly username: string; readonly password: string }
  | { readonly to: 'change password'; readonly password: string; readonly newPassword: string }
  | { readonly to: 'begin recovery'; readonly email: string }
  | { readonly to: 'confirm recovery'; readonly code: string }
  | { readonly to: 'finish recovery'; readonly newPassword: string }
  | { readonly to: 'encrypt'; readonly username: string; readonly text: string }
  | { readonly to: 'decrypt'; readonly ciphertext: string; readonly text: string; readonly reader: string };

export type Outcome = 'done' | ProblemCode;

export function newState(): State {
  return { users: new Map(), attempts: new Map(), recoveries: new Map(), sessions: new Map(), mails: new Map() };
}

export function findSession({ sessions }: State, step: string): [id: string, session: Session] | undefined {
  return [...sessions].find(([, session]) => session.steps.has(step));
}

function findByEmail({ users }: State, email: string): User | undefined {
  return [...users.values()].find((user) => user.email === email);
}

function findByName({ users }: State, username: string): User | undefined {
  return [...users.values()].find(({ names }) => names.has(username));
}

function needsLogin({ to }: Request): boolean {
  return to === 'encrypt' || to === 'decrypt' || to === 'change name' || to === 'change password';
}

/** The account whose password a request gives, if that is checked. */
export function checkedAccount(state: State, step: Step, request: Request): string | undefined {
  if (request.to === 'log in') return request.email;
  if (request.to !== 'change name' && request.to !== 'change password') return undefined;
  return step.user === null ? undefined : state.users.get(step.user)?.email;
}

export function countAttempt(attempts: Attempts | undefined, now: number): Attempts {
  const isOver =
    !attempts || (attempts.lockedUntil !== null && attempts.lockedUntil <= now) || attempts.at <= now - ATTEMPTS_MEMORY;
  if (isOver) return { failures: 1, at: now, lockedUntil: null };
  const failures = attempts.failures + 1;
  return { failures, at: now, lockedUntil: failures === MAX_FAILURES ? now + LOCK_TIME : attempts.lockedUntil };
}

/**
 * Returns the required outcome of a request.
 *
 * @param prepared the state when the slow part started, before an attempt was counted
 * @param state the state when the request took effect
 */
export function outcomeOf(
  request: Request,
  step: Step,
  prepared: State,
  state: State,
  now: number,
  codeOf: (recovery: Recovery) => string | undefined,
): Outcome {
  if (needsLogin(request) && step.user === null) return 'not_authenticated';
  const account = checkedAccount(state, step, request);
  if (account !== undefined && 'password' in request) {
    const user = findByEmail(prepared, account);
    if (countAttempt(prepared.attempts.get(account), now).failures > MAX_FAILURES) return 'account_locked';
    const isRight = user?.password === request.password;
    const isStillRight = findByEmail(state, account)?.passwordVersion === user?.passwordVersion;
    if (!isRight || !isStillRight) return 'invalid_credentials';
  }
  switch (request.to) {
    case 'register':
      for (const moment of [prepared, state]) {
        if (findByName(moment, request.username)) return 'username_taken';
        if (findByEmail(moment, request.email)) return 'email_taken';
      }
      return 'done';
    case 'change name': {
      const owner = findByName(state, request.username);
      return owner && owner !== state.users.get(step.user ?? '') ? 'username_taken' : 'done';
    }
    case 'confirm recovery': {
      const recovery = state.recoveries.get(step.recovery ?? '');
      if (!recovery || recovery.confirmed || recovery.tries >= MAX_CODES || recovery.expiresAt <= now)
        return 'no_recovery';
      return recovery.user !== null && codeOf(recovery) === request.code ? 'done' : 'invalid_code';
    }
    case 'finish recovery':
      return [prepared, state].every((moment) => canFinish(moment.recoveries.get(step.recovery ?? ''), now))
        ? 'done'
        : 'no_recovery';
    case 'encrypt':
      return findByName(state, request.username) ? 'done' : 'user_not_found';
    case 'decrypt':
      return step.user === request.reader ? 'done' : 'undecryptable_message';
    default:
      return 'done';
  }
}

function canFinish(recovery: Recovery | undefined, now: number): boolean {
  return recovery?.confirmed === true && !recovery.used && recovery.expiresAt > now;
}

/** Ids chosen by the server. */
export interface NewIds {
  readonly step: string;
  readonly user: string | null;
  readonly recovery: string | null;
  readonly mail: string | undefined;
}

/** Applies a request and advances the session. @returns the next step */
export function apply(
  state: State,
  sessionId: string,
  stepId: string,
  request: Request,
  outcome: Outcome,
  now: number,
  ids: NewIds,
): Step {
  const session = state.sessions.get(sessionId);
  const step = session?.steps.get(stepId);
  if (!session || !step) throw new Error('a request was executed with an ended step');
  const next = { user: step.user, recovery: step.recovery, used: false };
  if (outcome === 'done') takeEffect(state, sessionId, step, request, now, ids, next);
  if (outcome === 'invalid_code') (state.recoveries.get(step.recovery ?? '') as Recovery).tries += 1;
  if (!step.used) {
    for (const id of session.steps.keys()) if (id !== stepId) session.steps.delete(id);
  }
  step.used = true;
  session.lastUse = now;
  session.steps.set(ids.step, next);
  return next;
}

function takeEffect(
  state: State,
  sessionId: string,
  step: Step,
  request: Request,
  now: number,
  ids: NewIds,
  next: { user: string | null; recovery: string | null },
): void {
  switch (request.to) {
    case 'register': {
      const { username, email, password } = request;
      next.user = ids.user;
      state.users.set(ids.user ?? '', { username, names: new Set([username]), email, password, passwordVersion: 1 });
      return;
    }
    case 'log in':
      next.user = [...state.users].find(([, { email }]) => email === request.email)?.[0] ?? null;
      return;
    case 'change name': {
      const user = state.users.get(step.user ?? '') as User;
      user.username = request.username;
      user.names.add(request.username);
      return;
    }
    case 'change password':
      setPassword(state, step.user ?? '', request.newPassword, sessionId);
      return;
    case 'begin recovery': {
      const user = [...state.users].find(([, { email }]) => email === request.email)?.[0] ?? null;
      const mail = ids.mail ?? '';
      next.recovery = ids.recovery;
      const expiresAt = now + CODE_LIFETIME_MS;
      state.recoveries.set(ids.recovery ?? '', { user, mail, tries: 0, expiresAt, confirmed: false, used: false });
      if (user !== null) state.mails.set(mail, request.email);
      return;
    }
    case 'confirm recovery': {
      const recovery = state.recoveries.get(step.recovery ?? '') as Recovery;
      recovery.tries += 1;
      recovery.confirmed = true;
      recovery.expiresAt = now + CODE_LIFETIME_MS;
      return;
    }
    case 'finish recovery': {
      const recovery = state.recoveries.get(step.recovery ?? '') as Recovery;
      recovery.used = true;
      next.recovery = null;
      setPassword(state, recovery.user ?? '', request.newPassword, sessionId);
    }
  }
}

/** Also ends the user's other sessions and unused recoveries. */
function setPassword(state: State, userId: string, password: string, sessionId: string): void {
  const user = state.users.get(userId) as User;
  user.password = password;
  user.passwordVersion += 1;
  for (const [id, recovery] of state.recoveries) {
    if (recovery.user === userId && !recovery.used) state.recoveries.delete(id);
  }
  for (const [id, session] of state.sessions) {
    const isUsers = [...session.steps.values()].some((step) => step.user === userId);
    if (isUsers && id !== sessionId) state.sessions.delete(id);
  }
}

export function isIdle(session: Session, now: number): boolean {
  return session.lastUse + (isUnused(session) ? UNUSED_TIME : IDLE_TIME) <= now;
}

/** Returns true if there was no request in a session since its handshake. */
function isUnused({ steps }: Session): boolean {
  return steps.size === 1 && [...steps.values()].every(({ used }) => !used);
}

/** Removes everything that has expired. */
export function sweep(state: State, now: number): void {
  for (const [id, session] of state.sessions) {
    const memory = isUnused(session) ? 0 : EXPIRED_SESSION_MEMORY;
    if (isIdle(session, now - memory)) state.sessions.delete(id);
  }
  for (const [id, { expiresAt }] of state.recoveries) if (expiresAt <= now) state.recoveries.delete(id);
  for (const [email, { at }] of state.attempts) if (at + ATTEMPTS_MEMORY <= now) state.attempts.delete(email);
}
