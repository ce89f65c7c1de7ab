/** Holds what the server did, as its journal, its answers and its database show it, against the rules. */
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import type { Endpoint } from '../../src/protocol/endpoints.ts';
import { problems } from '../../src/protocol/problems.ts';
import { hmac } from '../../src/server/crypto/derive.ts';
import type { MailMessage } from '../../src/server/mail/mail.ts';
import { StepEncryption } from '../../src/server/sessions/stepEncryption.ts';
import type { WireResponse } from '../../src/server/sessions/suites/suite.ts';
import { asHttp } from '../support/exchangeFixtures.ts';
import { masterKey } from '../support/inProcessServer.ts';
import { type Answer, openAnswer, type PreparedRequest } from '../support/suite1Client.ts';
import { countRequestLocks, pictureOfDatabase, pictureOfState, waitingMails } from './database.ts';
import { type JournalEntry, readJournal } from './journal.ts';
import { EMAILS, type Message } from './requests.ts';
import {
  apply,
  checkedAccount,
  countAttempt,
  findSession,
  isIdle,
  newState,
  type Outcome,
  outcomeOf,
  type Recovery,
  type Request,
  type State,
  sweep,
} from './rules.ts';

const stepKey = masterKey.derive('vws session steps');
const attemptsKey = masterKey.derive('vws login attempts');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** All clients of the model are at the same address. */
const accountKeyOf = (email: string) => hex(hmac(attemptsKey, 'network\0', `an address\0${email}`));

/** A request as its sender keeps it. */
export interface Sent {
  readonly text: string;
  readonly request: Request | 'nonsense';
  readonly endpoint: Endpoint;
  /** The name in its path. */
  readonly recipient: string;
  readonly prepared: PreparedRequest;
  /** The id of the step that it was made with, in hex. */
  readonly step: string;
  /** The hash of its bytes, in hex. */
  readonly hash: string;
  /** What it came to, once that is durable. */
  committed?: { readonly wire: WireResponse; readonly answer: Answer };
}

/** What one copy of a request came to; undefined if a crash came before. */
export type Result =
  | { readonly answer: WireResponse }
  | { readonly problem: string; readonly error: unknown }
  | undefined;

export interface Flight {
  readonly sent: Sent;
  result: Result;
}

/** The states that a request may have found, while several were under way. */
interface Moments {
  readonly all: State[];
  /** Those before each counted attempt, by e-mail address. */
  readonly beforeAttempt: Map<string, State[]>;
  /** The accounts whose passwords were checked, once for each request that was executed. */
  readonly checked: string[];
  mail: string | undefined;
}

export interface Oracle {
  readonly state: State;
  readonly messages: readonly Message[];
  readonly mails: readonly MailMessage[];
  noteMail(mail: MailMessage): void;
  codeOf(recovery: Recovery | undefined): string | undefined;
  /** To be told of requests before they are sent. */
  expect(flights: readonly Flight[]): void;
  /** Follows what became durable since the last time, and compares everything that can be seen. */
  check(database: DatabaseSync, flights: readonly Flight[], hasCrashed: boolean): void;
  sweep(): void;
}

/** @returns the id of the step that a session key names, in hex */
export function stepIdOf(sessionKey: string): string {
  return hex(new StepEncryption(stepKey, sessionKey).stepId);
}

/** @param count called with a name for each thing that happened */
export function createOracle(clock: () => number, count: (what: string) => void): Oracle {
  const state = newState();
  const requests = new Map<string, Sent>();
  const messages: Message[] = [];
  const mails: MailMessage[] = [];
  const crashesBefore = new Map<string, number>();
  let crashes = 0;
  let lastEntry = 0;

  const codeOf = (recovery: Recovery | undefined) => mails.find(({ id }) => id === recovery?.mail)?.code;

  function takeEntry(entry: JournalEntry, moments: Moments, flights: readonly Flight[]): void {
    switch (entry.kind) {
      case 'mail':
        moments.mail = entry.id;
        crashesBefore.set(entry.id, crashes);
        break;
      case 'attempt':
        takeAttempt(entry, moments);
        break;
      case 'attempts forgotten':
        takeForgotten(entry, moments, flights);
        break;
      case 'step':
        if (entry.parent === null) takeHandshake(entry);
        else takeExecution(entry, moments, flights);
    }
    moments.all.push(structuredClone(state));
  }

  function takeHandshake({ session, id }: JournalEntry): void {
    const root = { user: null, recovery: null, used: false };
    state.sessions.set(session ?? '', { lastUse: clock(), steps: new Map([[id, root]]) });
  }

  function takeAttempt({ id, failures, lockedUntil }: JournalEntry, moments: Moments): void {
    const email = EMAILS.find((candidate) => accountKeyOf(candidate) === id);
    assert.ok(email, 'an attempt was counted for nobody');
    const before = moments.beforeAttempt.get(email) ?? [];
    moments.beforeAttempt.set(email, [...before, structuredClone(state)]);
    const expected = countAttempt(state.attempts.get(email), clock());
    assert.deepEqual({ failures, lockedUntil }, { failures: expected.failures, lockedUntil: expected.lockedUntil });
    if (expected.failures > 5) count('an attempt on a locked account');
    state.attempts.set(email, expected);
  }

  function takeForgotten({ id }: JournalEntry, moments: Moments, flights: readonly Flight[]): void {
    const email = EMAILS.find((candidate) => accountKeyOf(candidate) === id) ?? '';
    // Swept away.
    if (!state.attempts.has(email)) return;
    const users = [state, ...moments.all].map(({ users }) => [...users].find(([, user]) => user.email === email));
    const isExplained = flights.some(({ sent: { request, step: stepId } }) => {
      const step = findSession(moments.all[0] ?? state, stepId)?.[1].steps.get(stepId);
      if (request === 'nonsense' || !step) return false;
      if (request.to === 'finish recovery') return state.recoveries.get(step.recovery ?? '')?.user === users[0]?.[0];
      if (checkedAccount(state, step, request) !== email || !('password' in request)) return false;
      return users.some((user) => user?.[1].password === request.password);
    });
    assert.ok(isExplained, `the attempts on ${email} were forgotten without a right password`);
    state.attempts.delete(email);
  }

  function takeExecution(entry: JournalEntry, moments: Moments, flights: readonly Flight[]): void {
    const sent = requests.get(entry.request ?? '');
    assert.ok(sent && sent.request !== 'nonsense', 'something was executed that nobody asked for');
    const { request } = sent;
    assert.equal(sent.committed, undefined, `executed twice: ${sent.text}`);
    assert.equal(entry.parent, sent.step);
    const step = state.sessions.get(entry.session ?? '')?.steps.get(sent.step);
    assert.ok(step, `executed with a step that is over: ${sent.text}`);

    const encryption = new StepEncryption(stepKey, sent.prepared.keys.sessionKey);
    const { response: wire } = encryption.openResponse(entry.answer ?? new Uint8Array(), Buffer.from(sent.hash, 'hex'));
    assert.ok(wire, `an answer that was not kept: ${sent.text}`);
    const answer = openAnswer(sent.prepared, asHttp(wire));
    sent.committed = { wire, answer };
    assert.equal(answer.keys && stepIdOf(answer.keys.sessionKey), entry.id);

    const account = checkedAccount(state, step, request);
    const preparations = account === undefined ? moments.all : (moments.beforeAttempt.get(account) ?? []);
    const allowed = new Set(preparations.map((prepared) => outcomeOf(request, step, prepared, state, clock(), codeOf)));
    if (account !== undefined) moments.checked.push(account);
    const outcome = [...allowed].find((candidate) => isSaidBy(candidate, answer));
    const saw = `${answer.status} ${answer.error ?? ''}`;
    assert.ok(outcome, `${sent.text}: the answer ${saw} should be one of: ${[...allowed].join(', ')}`);
    count(`${request.to}: ${outcome}`);

    if (outcome === 'done' && request.to === 'encrypt') {
      const [reader = ''] = [...state.users].find(([, { username }]) => username === request.username) ?? [];
      messages.push({ ciphertext: answer.message ?? '', text: request.text, reader });
    }
    if (outcome === 'done' && request.to === 'decrypt') assert.equal(answer.message, request.text);
    if (flights.length === 1) checkForgetting(request, outcome, account, step.recovery);

    const ids = { step: entry.id, user: entry.user, recovery: entry.recovery, mail: moments.mail };
    const next = apply(state, entry.session ?? '', sent.step, request, outcome, clock(), ids);
    assert.equal(entry.user, next.user, `${sent.text}: who is logged in`);
    assert.equal(entry.recovery, next.recovery, `${sent.text}: the recovery of the session`);
  }

  /** Where nothing else is under way, a right password or a recovery leaves no attempt counted. */
  function checkForgetting(
    { to }: Request,
    outcome: Outcome,
    account: string | undefined,
    recovery: string | null,
  ): void {
    const wasRight = outcome === 'done' || outcome === 'username_taken';
    if (account !== undefined && wasRight) assert.equal(state.attempts.has(account), false, 'attempts are left');
    if (to !== 'finish recovery' || outcome !== 'done') return;
    const email = state.users.get(state.recoveries.get(recovery ?? '')?.user ?? '')?.email ?? '';
    assert.equal(state.attempts.has(email), false, 'attempts are left after a recovery');
  }

  function checkResult({ sent, result }: Flight, start: State): void {
    if (!result) return;
    const before = findSession(start, sent.step)?.[1];
    const isAlive = findSession(state, sent.step) !== undefined;
    if ('answer' in result) {
      assert.ok(sent.committed, `answered, but not durable: ${sent.text}`);
      assert.deepEqual(result.answer, sent.committed.wire, `another answer than the first: ${sent.text}`);
      return;
    }
    const { problem, error } = result;
    const text = `${problem}: ${sent.text}`;
    if (problem === 'malformed_request' && sent.request === 'nonsense') return;
    if (problem === 'session_not_found') assert.ok(!isAlive, `lost: ${text}`);
    else if (problem === 'session_expired') assert.ok(before && isIdle(before, clock()), `ended too early: ${text}`);
    else throw new Error(text, { cause: error });
  }

  /** A session that was idle for too long ends with the first request; that one is told so, the others find nothing. */
  function endIdleSessions(flights: readonly Flight[], start: State, hasCrashed: boolean): void {
    for (const [id, session] of start.sessions) {
      const own = flights.filter(({ sent }) => session.steps.has(sent.step));
      if (!isIdle(session, clock()) || own.length === 0) continue;
      count('an idle session ended');
      state.sessions.delete(id);
      if (hasCrashed) continue;
      const expired = own.filter(({ result }) => result && 'problem' in result && result.problem === 'session_expired');
      // Another request may have ended the session before, with its user's other ones.
      const least = own.length === flights.length ? 1 : 0;
      assert.ok(
        expired.length >= least && expired.length <= 1,
        `${expired.length} were told that an idle session is over`,
      );
    }
  }

  function checkAttempts(flights: readonly Flight[], start: State, { beforeAttempt, checked }: Moments): void {
    const asked = new Map<string, Set<Sent>>();
    for (const { sent } of flights) {
      const step = findSession(start, sent.step)?.[1].steps.get(sent.step);
      const account = sent.request !== 'nonsense' && step && checkedAccount(start, step, sent.request);
      if (account) asked.set(account, (asked.get(account) ?? new Set()).add(sent));
    }
    for (const email of new Set([...asked.keys(), ...beforeAttempt.keys()])) {
      const counted = beforeAttempt.get(email)?.length ?? 0;
      const most = asked.get(email)?.size ?? 0;
      const least = checked.filter((account) => account === email).length;
      assert.ok(counted >= least && counted <= most, `${counted} attempts on ${email}, of ${least} to ${most} made`);
    }
  }

  function checkMails(database: DatabaseSync): void {
    const waiting = new Set(waitingMails(database));
    for (const { id, to } of mails) {
      assert.equal(state.mails.get(id), to, 'a mail that nobody asked for');
      const copies = mails.filter((mail) => mail.id === id).length;
      const excused = crashes - (crashesBefore.get(id) ?? 0);
      assert.ok(copies <= 1 + excused, `a code was mailed ${copies} times, with ${excused} crashes since`);
    }
    for (const id of state.mails.keys()) {
      assert.ok(waiting.has(id) || mails.some((mail) => mail.id === id), 'a mail was lost');
    }
    if (crashes === 0) assert.equal(waiting.size, 0, 'mails wait for nothing');
  }

  return {
    state,
    messages,
    mails,
    noteMail: (mail) => mails.push(mail),
    codeOf,
    expect(flights) {
      for (const { sent } of flights) requests.set(sent.hash, sent);
    },
    check(database, flights, hasCrashed) {
      const start = structuredClone(state);
      const moments: Moments = { all: [start], beforeAttempt: new Map(), checked: [], mail: undefined };
      const wereCommitted = new Set(flights.filter(({ sent }) => sent.committed).map(({ sent }) => sent));
      endIdleSessions(flights, start, hasCrashed);
      const { entries, last } = readJournal(database, lastEntry);
      lastEntry = last;
      for (const entry of entries) takeEntry(entry, moments, flights);
      if (hasCrashed) crashes += 1;
      for (const flight of flights) checkResult(flight, start);
      checkAttempts(flights, start, moments);

      const picture = pictureOfDatabase(database);
      for (const { sent, result } of flights) {
        const [id, session] = findSession(state, sent.step) ?? [];
        if (!session || !wereCommitted.has(sent)) continue;
        // Asking again for an answer is a use of the session; whether a crash came before it, the database tells.
        if (result && 'answer' in result) session.lastUse = clock();
        else if (hasCrashed && picture.sessions[id ?? '']?.lastUse === clock()) session.lastUse = clock();
        if (result && 'answer' in result) count('a stored answer');
      }
      if (hasCrashed) {
        for (const [id, session] of start.sessions) {
          // Whether an idle session had ended before the crash, the database tells as well.
          if (!state.sessions.has(id) && isIdle(session, clock()) && picture.sessions[id])
            state.sessions.set(id, session);
        }
      }
      assert.deepEqual(picture, pictureOfState(state, accountKeyOf));
      checkMails(database);
      if (!hasCrashed) assert.equal(countRequestLocks(database, clock()), 0, 'a claim is left');
    },
    sweep: () => sweep(state, clock()),
  };
}

function isSaidBy(outcome: Outcome, { status, error }: Answer): boolean {
  if (outcome === 'done') return status === 200 && error === undefined;
  const form = problems[outcome].suite1;
  return form.kind === 'response' && form.status === status && form.sentence === error;
}
