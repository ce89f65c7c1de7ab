import assert from 'node:assert/strict';
import { connect, type VwsErrorCode } from '../../src/client/index.ts';
import type { StepState } from '../../src/client/suite2/step.ts';
import { HANDSHAKE_PATH } from '../../src/protocol/endpoints.ts';
import { ATTACKERS_WORDS, expectError, type Harness, type Victim } from './harness.ts';
import type { Exchange, Tamper, WireReply, WireRequest } from './line.ts';

/** What the user's calls reject with for as long as the attack lasts; undefined: with nothing, they succeed. */
export type Seen = VwsErrorCode | undefined;

/** An attack, as the table in docs/security.md has it. */
export interface Attack {
  /** What the man in the middle does. */
  readonly does: string;
  readonly seen: readonly Seen[];
  /** What he gets by it, if it is not plain from what is seen: nothing, or a denial of service that ends when he stops. */
  readonly gets?: string;
  /** Tries it in all ways, and asserts that each comes to nothing. */
  run(harness: Harness): Promise<void>;
}

/** What the man heard before: of Alice, and of somebody else. */
export interface Knowledge {
  readonly harness: Harness;
  readonly own: Heard;
  readonly bobs: Heard;
}

export interface Heard {
  readonly request: WireRequest;
  readonly reply: WireReply;
}

/** The ways of one attack by name, and what the user sees of each. */
type Ways = Readonly<Record<string, readonly [way: (knowledge: Knowledge) => Tamper, seen?: Seen]>>;

/** Attacks on a request in a session, and on each time that it is sent again. The session lives through all ways. */
export function onRequests(does: string, ways: Ways): Attack {
  return scenario(does, seenOf(ways), async (harness) => {
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
      // The same call asks what became of the first.
      if (seen) message = await call();
      assert.equal(stepOf(alice).n, step.n + 1, 'executed once');
      own = intact(line.heard.at(-1));
    });
    assert.equal((await bob.vws.decrypt(message)).text, text);
    await harness.expectUnharmed(alice, [text]);
  });
}

/** Milliseconds that are over before the first pause is. */
const ONE_ATTEMPT = 100;

/** Attacks on Alice's handshake. */
export function onHandshakes(does: string, ways: Ways): Attack {
  return scenario(does, seenOf(ways), async (harness) => {
    const heard = async () => {
      await connect(harness.line.url, harness.options());
      return intact(harness.line.heard.at(-1));
    };
    const knowledge = { own: await heard(), bobs: await heard(), harness };
    await eachOf(ways, async (way, seen) => {
      const options = { ...harness.options(), deadline: ONE_ATTEMPT };
      const begin = () => connect(harness.line.url, options);
      await harness.tampering(way(knowledge), async () => (seen ? expectError(begin(), seen) : begin()));
      const vws = await begin();
      // Sealed: the session is there.
      await expectError(vws.getAccount(), 'not_authenticated');
      assert.equal(vws.fingerprint, harness.identity.fingerprint);
    });
    await harness.expectUnharmed(await harness.enter());
  });
}

/** an attack with a scenario of its own. */
export function scenario(does: string, seen: readonly Seen[], run: Attack['run'], gets?: string): Attack {
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

/** Sends the request to the server as it is and changes the answer. */
export const answered =
  (change: (reply: WireReply) => WireReply | 'broken'): Tamper =>
  async (request, line) =>
    change(await line.send(request));

/** Sends the server another request and leaves the answer. */
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

/** Flips a bit of a field in base64url; a place below zero counts from the end. */
export function flipped<T extends { readonly body: string }>(message: T, name: string, place: number): T {
  const bytes = Buffer.from(field(message, name), 'base64url');
  const index = place < 0 ? bytes.length + place : place;
  bytes[index] = (bytes[index] ?? assert.fail('there is no such byte')) ^ 1;
  return withFields(message, { [name]: bytes.toString('base64url') });
}

/** An answer that the man writes himself, with what he wants people to read. */
export function forged(status: number, json: unknown, headers: Record<string, string> = {}): WireReply {
  const body = typeof json === 'object' && json ? { ...json, title: ATTACKERS_WORDS, detail: ATTACKERS_WORDS } : json;
  return { status, body: JSON.stringify(body), headers };
}

/** What Alice's client keeps of her session. */
export function stepOf({ storage }: Victim): StepState {
  return JSON.parse(storage.text ?? assert.fail()).step;
}

export function intact(exchange: Exchange | undefined): Heard {
  assert.ok(exchange && exchange.reply !== 'broken');
  return { request: exchange.request, reply: exchange.reply };
}

export function isHandshake(request: WireRequest): boolean {
  return request.path === HANDSHAKE_PATH && field(request, 'kid') !== undefined;
}
