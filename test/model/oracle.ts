// Checks the server's journal, responses and database against the rules.
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
import { openResponse, type PreparedRequest, type Suite1Response } from '../support/suite1Client.ts';
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

/** A request as its sender stores it. */
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
  /** Its response, once that is durable. */
  committed?: { readonly wire: WireResponse; readonly answer: Suite1Response };
}

/** Result of one copy of a request; undefined after a crash. */
export type Result =
  | { readonly answer: WireResponse }
  | { readonly problem: string; readonly error: unknown }
  | undefined;

export interface Delivery {
  readonly sent: Sent;
  result: Result;
}

/** States that a request may have found while several were in progress. */
interface Moments {
  readonly all: State[];
  /** States before each counted attempt, by email address. */
  readonly beforeAttempt: Map<string, State[]>;
  /** Accounts whose passwords were checked, once per executed request. */
  readonly checked: string[];
  mail: string | undefined;
}

export interface Oracle {
  readonly state: State;
  readonly messages: readonly Message[];
  readonly mails: readonly MailMessage[];
  noteMail(mail: MailMessage): void;
  codeOf(recovery: Recovery | undefined): string | undefined;
  /** Must be called with requests before they are sent. */
  expect(deliveries: readonly Delivery[]): void;
  /** Applies what became durable since the last call, and compares everything observable. */
  check(database: DatabaseSync, deliveries: readonly Delivery[], hasCrashed: boolean): void;
  sweep(): void;
}

/** @returns the id of the step that a session key names, in hex */
export function stepIdOf(sessionKey: string): string {
  return hex(new StepEncryption(stepKey, sessionKey).stepId);
}

/** @param count called with the name of each event */
export function createOracle(clock: () => number, count: (what: string) => void): Oracle {
  const state = newState();
  const requests = new Map<string, Sent>();
  const messages: Message[] = [];
  const mails: MailMessage[] = [];
  const crashesBefore = new Map<string, number>();
  /** For requests that a crash interrupted: the states before attempts of which one may be theirs. It is not counted again. */
  const interrupted = new Map<string, State[]>();
  let crashes = 0;
  let lastEntry = 0;

  const codeOf = (recovery: Recovery | undefined) => mails.find(({ id }) => id === recovery?.mail)?.code;

  function takeEntry(entry: JournalEntry, moments: Moments, deliveries: readonly Delivery[]): void {
    switch (entry.kind) {
      case 'mail':
        moments.mail = entry.id;
        crashesBefore.set(entry.id, crashes);
        break;
      case 'attempt':
        takeAttempt(entry, moments);
        break;
      case 'attempts forgotten':
        takeForgotten(entry, moments, deliveries);
        break;
      case 'step':
        if (entry.parent === null) takeHandshake(entry);
        else takeExecution(entry, moments, deliveries);
    }
    moments.all.push(structuredClone(state));
  }

  function takeHandshake({ session, id }: JournalEntry): void {
    const root = { user: null, recovery: null, used: false };
    state.sessions.set(session ?? '', { lastUse: clock(), steps: new Map([[id, root]]) });
  }

  function takeAttempt({ id, failures, lockedUntil }: JournalEntry, moments: Moments): void {
    const email = EMAILS.find((candidate) => accountKeyOf(candidate) === id);
    assert.ok(email, 'an attempt was counted for an unknown email');
    const before = moments.beforeAttempt.get(email) ?? [];
    moments.beforeAttempt.set(email, [...before, structuredClone(state)]);
    const expected = countAttempt(state.attempts.get(email), clock());
    assert.deepEqual({ failures, lockedUntil }, { failures: expected.failures, lockedUntil: expected.lockedUntil });
    if (expected.failures > 5) count('an attempt on a locked account');
    state.attempts.set(email, expected);
  }

  function takeForgotten({ id }: JournalEntry, moments: Moments, deliveries: readonly Delivery[]): void {
    const email = EMAILS.find((candidate) => accountKeyOf(candidate) === id) ?? '';
    // Swept away.
    if (!state.attempts.has(email)) return;
    const users = [state, ...moments.all].map(({ users }) => [...users].find(([, user]) => user.email === email));
    const isExplained = deliveries.some(({ sent: { request, step: stepId } }) => {
      const step = findSession(moments.all[0] ?? state, stepId)?.[1].steps.get(stepId);
      if (request === 'nonsense' || !step) return false;
      if (request.to === 'finish recovery') return state.recoveries.get(step.recovery ?? '')?.user === users[0]?.[0];
      if (checkedAccount(state, step, request) !== email || !('password' in request)) return false;
      return users.some((user) => user?.[1].password === request.password);
    });
    assert.ok(isExplained, `the attempts on ${email} were forgotten without a correct password`);
    state.attempts.delete(email);
  }

  function takeExecution(entry: JournalEntry, moments: Moments, deliveries: readonly Delivery[]): void {
    const sent = requests.get(entry.request ?? '');
    assert.ok(sent && sent.request !== 'nonsense', 'a request was executed that no client sent');
    const { request } = sent;
    assert.equal(sent.committed, undefined, `executed twice: ${sent.text}`);
    assert.equal(entry.parent, sent.step);
    const step = state.sessions.get(entry.session ?? '')?.steps.get(sent.step);
    assert.ok(step, `executed with an ended step: ${sent.text}`);

    const encryption = new StepEncryption(stepKey, sent.prepared.keys.sessionKey);
    const { response: wire } = encryption.openResponse(entry.answer ?? new Uint8Array(), Buffer.from(sent.hash, 'hex'));
    assert.ok(wire, `the response was not stored: ${sent.text}`);
    const answer = openResponse(sent.prepared, asHttp(wire));
    sent.committed = { wire, answer };
    assert.equal(answer.keys && stepIdOf(answer.keys.sessionKey), entry.id);

    const account = checkedAccount(state, step, request);
    const preparations = account === undefined ? moments.all : preparationsOf(sent, account, moments);
    const allowed = new Set(preparations.map((prepared) => outcomeOf(request, step, prepared, state, clock(), codeOf)));
    if (account !== undefined && !interrupted.delete(sent.hash)) moments.checked.push(account);
    const outcome = [...allowed].find((candidate) => isOutcomeOf(candidate, answer));
    const saw = `${answer.status} ${answer.error ?? ''}`;
    assert.ok(outcome, `${sent.text}: response ${saw}, expected one of: ${[...allowed].join(', ')}`);
    count(`${request.to}: ${outcome}`);

    if (outcome === 'done' && request.to === 'encrypt') {
      const [reader = ''] = [...state.users].find(([, { names }]) => names.has(request.username)) ?? [];
      messages.push({ ciphertext: answer.message ?? '', text: request.text, reader });
    }
    if (outcome === 'done' && request.to === 'decrypt') assert.equal(answer.message, request.text);
    if (deliveries.length === 1) checkForgetting(request, outcome, account, step.recovery);

    const ids = { step: entry.id, user: entry.user, recovery: entry.recovery, mail: moments.mail };
    const next = apply(state, entry.session ?? '', sent.step, request, outcome, clock(), ids);
    assert.equal(entry.user, next.user, `${sent.text}: who is logged in`);
    assert.equal(entry.recovery, next.recovery, `${sent.text}: the recovery of the session`);
  }

  /** @returns the states that a check of a password may have found, before its attempt was counted */
  function preparationsOf({ hash }: Sent, email: string, { all, beforeAttempt }: Moments): State[] {
    const counted = beforeAttempt.get(email) ?? [];
    const earlier = interrupted.get(hash);
    if (!earlier) return counted;
    const withoutAttempt = all.map((moment) => {
      const state = structuredClone(moment);
      const attempts = state.attempts.get(email);
      if (attempts) state.attempts.set(email, { ...attempts, failures: attempts.failures - 1 });
      return state;
    });
    return [...counted, ...earlier, ...withoutAttempt];
  }

  function noteInterrupted(deliveries: readonly Delivery[], start: State, { beforeAttempt }: Moments): void {
    for (const { sent } of deliveries) {
      const account = accountOf(sent, start);
      const counted = account === undefined ? undefined : beforeAttempt.get(account);
      if (counted && !sent.committed) interrupted.set(sent.hash, [...(interrupted.get(sent.hash) ?? []), ...counted]);
    }
  }

  /** @returns the account whose password a request checks */
  function accountOf({ request, step: stepId }: Sent, start: State): string | undefined {
    const step = findSession(start, stepId)?.[1].steps.get(stepId);
    return request !== 'nonsense' && step ? checkedAccount(start, step, request) : undefined;
  }

  /** Without concurrent requests, a correct password or a recovery resets the count of attempts. */
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

  function checkResult({ sent, result }: Delivery, start: State): void {
    if (!result) return;
    const before = findSession(start, sent.step)?.[1];
    const isAlive = findSession(state, sent.step) !== undefined;
    if ('answer' in result) {
      assert.ok(sent.committed, `answered, but not durable: ${sent.text}`);
      assert.deepEqual(result.answer, sent.committed.wire, `different from the first response: ${sent.text}`);
      return;
    }
    const { problem, error } = result;
    const text = `${problem}: ${sent.text}`;
    if (problem === 'malformed_request' && sent.request === 'nonsense') return;
    if (problem === 'session_not_found') assert.ok(!isAlive, `lost: ${text}`);
    else if (problem === 'session_expired') assert.ok(before && isIdle(before, clock()), `ended too early: ${text}`);
    else throw new Error(text, { cause: error });
  }

  /** An idle session ends with the first request, which reports it; later requests find no session. */
  function endIdleSessions(deliveries: readonly Delivery[], start: State, hasCrashed: boolean): void {
    for (const [id, session] of start.sessions) {
      const own = deliveries.filter(({ sent }) => session.steps.has(sent.step));
      if (!isIdle(session, clock()) || own.length === 0) continue;
      count('an idle session ended');
      state.sessions.delete(id);
      if (hasCrashed) continue;
      const expired = own.filter(({ result }) => result && 'problem' in result && result.problem === 'session_expired');
      // Another request may have ended the session earlier, with the user's other sessions.
      const least = own.length === deliveries.length ? 1 : 0;
      assert.ok(
        expired.length >= least && expired.length <= 1,
        `${expired.length} requests reported that an idle session ended`,
      );
    }
  }

  function checkAttempts(deliveries: readonly Delivery[], start: State, { beforeAttempt, checked }: Moments): void {
    const asked = new Map<string, Set<Sent>>();
    for (const { sent } of deliveries) {
      const account = accountOf(sent, start);
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
      assert.equal(state.mails.get(id), to, 'a mail that no client requested');
      const copies = mails.filter((mail) => mail.id === id).length;
      const excused = crashes - (crashesBefore.get(id) ?? 0);
      assert.ok(copies <= 1 + excused, `a code was mailed ${copies} times, with ${excused} crashes since`);
    }
    for (const id of state.mails.keys()) {
      assert.ok(waiting.has(id) || mails.some((mail) => mail.id === id), 'a mail was lost');
    }
    if (crashes === 0) assert.equal(waiting.size, 0, 'mails are left in the outbox');
  }

  return {
    state,
    messages,
    mails,
    // The model follows mails with codes; notices come in addition.
    noteMail: (mail) => mail.code !== undefined && mails.push(mail),
    codeOf,
    expect(deliveries) {
      for (const { sent } of deliveries) requests.set(sent.hash, sent);
    },
    check(database, deliveries, hasCrashed) {
      const start = structuredClone(state);
      const moments: Moments = { all: [start], beforeAttempt: new Map(), checked: [], mail: undefined };
      const wereCommitted = new Set(deliveries.filter(({ sent }) => sent.committed).map(({ sent }) => sent));
      endIdleSessions(deliveries, start, hasCrashed);
      const { entries, last } = readJournal(database, lastEntry);
      lastEntry = last;
      for (const entry of entries) takeEntry(entry, moments, deliveries);
      if (hasCrashed) crashes += 1;
      for (const delivery of deliveries) checkResult(delivery, start);
      checkAttempts(deliveries, start, moments);
      if (hasCrashed) noteInterrupted(deliveries, start, moments);

      const picture = pictureOfDatabase(database);
      for (const { sent, result } of deliveries) {
        if (!findSession(state, sent.step) || !wereCommitted.has(sent)) continue;
        // Repeating a request is not a use of the session.
        if (result && 'answer' in result) count('a stored answer');
      }
      if (hasCrashed) {
        for (const [id, session] of start.sessions) {
          // The database also shows whether an idle session ended before the crash.
          if (!state.sessions.has(id) && isIdle(session, clock()) && picture.sessions[id])
            state.sessions.set(id, session);
        }
      }
      assert.deepEqual(picture, pictureOfState(state, accountKeyOf));
      checkMails(database);
      if (!hasCrashed) assert.equal(countRequestLocks(database, clock()), 0, 'a request lock is left');
    },
    sweep: () => sweep(state, clock()),
  };
}

function isOutcomeOf(outcome: Outcome, { status, error }: Suite1Response): boolean {
  if (outcome === 'done') return status === 200 && error === undefined;
  const form = problems[outcome].suite1;
  return form.kind === 'response' && form.status === status && form.sentence === error;
}
