// Attacks on requests and handshakes: how they run, and helpers to change messages.
import assert from 'node:assert/strict';
import { connect, type VwsErrorCode } from '../../src/client/index.ts';
import type { Suite2StateData } from '../../src/client/suite2/sessionState.ts';
import { HANDSHAKE_PATH } from '../../src/protocol/endpoints.ts';
import { ATTACKERS_WORDS, expectError, type Harness, type Victim } from './harness.ts';
import type { Exchange, Tamper, WireReply, WireRequest } from './line.ts';

/** Error code of the user's calls during the attack; undefined: the calls succeed. */
export type Seen = VwsErrorCode | undefined;

/** An attack, with its row of the table in docs/security.md. */
export interface Attack {
  /** Action of the attacker. */
  readonly does: string;
  readonly seen: readonly Seen[];
  /** Gain of the attacker, by default derived from `seen`: nothing, or a denial of service that ends with the attack. */
  readonly gets?: string;
  /** Tries every variant and asserts that each fails. */
  run(harness: Harness): Promise<void>;
}

/** Traffic that the attacker recorded earlier, of Alice and of Bob. */
export interface Knowledge {
  readonly harness: Harness;
  readonly own: Heard;
  readonly bobs: Heard;
}

export interface Heard {
  readonly request: WireRequest;
  readonly reply: WireReply;
}

/** Variants of one attack by name, and what the user sees of each. */
type Ways = Readonly<Record<string, readonly [way: (knowledge: Knowledge) => Tamper, seen?: Seen]>>;

/** Attacks on a request in a session and on each repetition of it. The session survives all variants. */
export function onRequests(does: string, ways: Ways): Attack {
  return customAttack(does, seenOf(ways), async (harness) => {
    const { bob, line } = harness;
    const alice = await harness.enter();
    await alice.vws.getAccount();
    let own = intact(line.heard.at(-1));
    await bob.vws.getAccount();
    const bobs = intact(line.heard.at(-1));
    const text = 'a text for Bob alone';
    const call = () => alice.vws.encrypt(bob.person.username, text);
    let message = '';
    await eachOf(ways, async (way, seen) => {
      const step = stepOf(alice);
      const attempt = harness.tampering(way({ own, bobs, harness }), call);
      if (seen) await expectError(attempt, seen);
      else message = await attempt;
      if (seen) assert.deepEqual(stepOf(alice), step, 'the keys have changed');
      // The same call resolves the first one.
      if (seen) message = await call();
      assert.equal(stepOf(alice).n, step.n + 1, 'executed once');
      own = intact(line.heard.at(-1));
    });
    assert.equal((await bob.vws.decrypt(message)).text, text);
    await harness.expectUnharmed(alice, [text]);
  });
}

/** Milliseconds; less than the first pause. */
const ONE_ATTEMPT_MS = 100;

/** Attacks on Alice's handshake. */
export function onHandshakes(does: string, ways: Ways): Attack {
  return customAttack(does, seenOf(ways), async (harness) => {
    const heard = async () => {
      await connect(harness.line.url, harness.options());
      return intact(harness.line.heard.at(-1));
    };
    const knowledge = { own: await heard(), bobs: await heard(), harness };
    await eachOf(ways, async (way, seen) => {
      const options = { ...harness.options(), deadline: ONE_ATTEMPT_MS };
      const begin = () => connect(harness.line.url, options);
      await harness.tampering(way(knowledge), async () => (seen ? expectError(begin(), seen) : begin()));
      const vws = await begin();
      // A sealed error: the session exists.
      await expectError(vws.getAccount(), 'not_authenticated');
      assert.equal(vws.fingerprint, harness.identity.fingerprint);
    });
    await harness.expectUnharmed(await harness.enter());
  });
}

/** An attack with its own scenario. */
export function customAttack(does: string, seen: readonly Seen[], run: Attack['run'], gets?: string): Attack {
  return { does, seen, run, ...(gets && { gets }) };
}

function seenOf(ways: Ways): Seen[] {
  return [...new Set(Object.values(ways).map(([, seen]) => seen))];
}

async function eachOf(ways: Ways, task: (way: Ways[string][0], seen: Seen) => Promise<void>): Promise<void> {
  for (const [name, [way, seen]] of Object.entries(ways)) {
    await task(way, seen).catch((cause) => assert.fail(Object.assign(cause, { message: `${name}: ${cause.message}` })));
  }
}

/** Sends the request to the server unchanged and changes the response. */
export const answered =
  (change: (reply: WireReply) => WireReply | 'broken'): Tamper =>
  async (request, line) =>
    change(await line.send(request));

/** Changes the request and leaves the response. */
export const asked =
  (change: (request: WireRequest) => WireRequest): Tamper =>
  (request, line) =>
    line.send(change(request));

/** Changes fields of a JSON body; undefined leaves one out. */
export function withFields<T extends { readonly body: string }>(message: T, fields: Record<string, unknown>): T {
  return { ...message, body: JSON.stringify({ ...JSON.parse(message.body), ...fields }) };
}

export function field(message: { readonly body: string }, name: string): string {
  return JSON.parse(message.body)[name];
}

/** Flips a bit of a field in base64url; a negative place counts from the end. */
export function flipped<T extends { readonly body: string }>(message: T, name: string, place: number): T {
  const bytes = Buffer.from(field(message, name), 'base64url');
  const index = place < 0 ? bytes.length + place : place;
  bytes[index] = (bytes[index] ?? assert.fail('there is no such byte')) ^ 1;
  return withFields(message, { [name]: bytes.toString('base64url') });
}

/** A response written by the attacker, with a text for users to read. */
export function forged(status: number, json: unknown, headers: Record<string, string> = {}): WireReply {
  const body = typeof json === 'object' && json ? { ...json, title: ATTACKERS_WORDS, detail: ATTACKERS_WORDS } : json;
  return { status, body: JSON.stringify(body), headers };
}

/** Session state that Alice's client stores. */
export function stepOf({ storage }: Victim): Suite2StateData {
  return JSON.parse(storage.text ?? assert.fail()).state;
}

export function intact(exchange: Exchange | undefined): Heard {
  assert.ok(exchange && exchange.reply !== 'broken');
  return { request: exchange.request, reply: exchange.reply };
}

export function isHandshake(request: WireRequest): boolean {
  return request.path === HANDSHAKE_PATH && field(request, 'kid') !== undefined;
}
