// Attacks on responses.
import assert from 'node:assert/strict';
import { type ProblemCode, problems } from '../../src/protocol/problems.ts';
import { Suite1Client } from '../support/suite1Client.ts';
import { type Attack, answered, customAttack, flipped, forged, onRequests, type Seen, withFields } from './attack.ts';
import { expectError, type Harness } from './harness.ts';
import type { Tamper, WireReply } from './line.ts';

const AGES = '999999';
const LONG_TEXT = 60_000;
const ELSEWHERE = '/elsewhere';

/** Problems that a server may report unsealed, by docs/protocol.md … */
const UNSEALED_CODES: readonly ProblemCode[] = [
  'handshake_refused',
  'internal_error',
  'malformed_request',
  'out_of_sync',
  'overloaded',
  'payload_too_large',
  'route_not_found',
  'session_expired',
  'session_not_found',
  'store_unavailable',
  'too_many_requests',
  'unanswered_requests',
];

/** … and some that it reports only inside the session. */
const SEALED_CODES: readonly ProblemCode[] = [
  'not_authenticated',
  'invalid_credentials',
  'suite2_required',
  'user_not_found',
];

/** Changes the response after the server has executed the request. */
const given = (change: (reply: WireReply) => WireReply | 'broken') => () => answered(change);
/** Responds without passing the request to the server. */
const instead = (reply: WireReply) => () => async () => reply;

export const attacksOnResponses: readonly Attack[] = [
  onRequests('flips a bit of a response', {
    'of its nonce': [given((reply) => flipped(reply, 'payload', 0)), 'bad_answer'],
    'of its flags': [given((reply) => flipped(reply, 'payload', 12)), 'bad_answer'],
    'of its text': [given((reply) => flipped(reply, 'payload', -17)), 'bad_answer'],
    'of its tag': [given((reply) => flipped(reply, 'payload', -1)), 'bad_answer'],
  }),

  onRequests('drops, truncates, empties or garbles a response', {
    'drops it': [given(() => 'broken'), 'network'],
    'breaks the connection in it': [given((reply) => ({ ...reply, brokenAfter: 30 })), 'network'],
    'cuts it': [given((reply) => ({ ...reply, body: reply.body.slice(0, 30) })), 'bad_answer'],
    'empties it': [given((reply) => ({ ...reply, body: '' })), 'bad_answer'],
    'empties its payload': [given((reply) => withFields(reply, { payload: '' })), 'bad_answer'],
    'sends a page': [given((reply) => ({ ...reply, body: '<html>Call 555-0100</html>' })), 'bad_answer'],
    'sends null': [given((reply) => ({ ...reply, body: 'null' })), 'bad_answer'],
    'sends a list': [given((reply) => ({ ...reply, body: '[]' })), 'bad_answer'],
    'takes the suite away': [given((reply) => withFields(reply, { suite: undefined })), 'bad_answer'],
    'names suite 1': [given((reply) => withFields(reply, { suite: 1 })), 'bad_answer'],
    'claims that it is compressed': [given((reply) => withHeaders(reply, { 'content-encoding': 'gzip' })), 'network'],
  }),

  onRequests('adds headers to a response', {
    '': [
      given((reply) => withHeaders(reply, { 'content-type': 'text/html', 'set-cookie': 'a=b', 'retry-after': AGES })),
    ],
  }),

  onRequests('changes the status of a response', {
    ...Object.fromEntries(
      [201, 299, 400, 404, 409, 413, 503].map((status) => [
        String(status),
        [given((reply) => ({ ...reply, status })), 'bad_answer'],
      ]),
    ),
  }),

  customAttack('presents a failure as a success', ['bad_answer'], async (harness) => {
    const alice = await harness.enter();
    const attempt = () => alice.vws.changeUsername({ newUsername: 'mallory', password: 'Mallory_2026' });
    const done = answered((reply) => ({ ...reply, status: 200 }));
    await harness.tampering(done, () => expectError(attempt(), 'bad_answer'));
    await expectError(attempt(), 'invalid_credentials');
    await harness.expectUnharmed(alice);
  }),

  onRequests('replaces a response with that to another request', {
    'to an earlier one of the session': [
      ({ own }) =>
        async () =>
          own.reply,
      'bad_answer',
    ],
    'to one of another user': [
      ({ bobs }) =>
        async () =>
          bobs.reply,
      'bad_answer',
    ],
    'its own words': [
      instead(forged(200, { suite: 2, payload: Buffer.alloc(200).toString('base64url') })),
      'bad_answer',
    ],
  }),

  customAttack('swaps the responses to two users', ['bad_answer'], async (harness) => {
    const alice = await harness.enter();
    const waiting: { give(reply: WireReply): void; reply: WireReply }[] = [];
    const swap: Tamper = async (request, line) => {
      const reply = await line.send(request);
      const { promise, resolve } = Promise.withResolvers<WireReply>();
      waiting.push({ give: resolve, reply });
      const [one, other] = waiting;
      if (one && other) {
        one.give(other.reply);
        other.give(one.reply);
        waiting.length = 0;
      }
      return promise;
    };
    await harness.tampering(swap, () =>
      Promise.all([
        expectError(alice.vws.getAccount(), 'bad_answer'),
        expectError(harness.bob.vws.getAccount(), 'bad_answer'),
      ]),
    );
    await harness.expectUnharmed(alice);
  }),

  onRequests('forges a problem', hints()),

  customAttack(
    'claims that a long text (over 64 KiB, sealed) is too large after the server accepted it',
    ['payload_too_large', 'out_of_sync'],
    async (harness) => {
      const alice = await harness.enter();
      const call = () => alice.vws.encrypt(harness.bob.person.username, 'x'.repeat(LONG_TEXT));
      const tamper = unsealed('payload_too_large', { after: true });
      await harness.tampering(tamper, () => expectError(call(), 'payload_too_large'));
      await expectError(alice.vws.getAccount(), 'out_of_sync');
      await harness.expectUnharmed(await harness.enterAgain());
    },
    'the end of the session: the user has to log in again',
  ),

  onRequests('redirects clients to another address', {
    ...Object.fromEntries([302, 307, 308].map((status) => [String(status), [() => elsewhere(status), 'network']])),
  }),

  onRequests('asks clients to retry in a week', {
    'too many requests': [
      () => unsealed('too_many_requests', { headers: { 'retry-after': AGES } }),
      'too_many_requests',
    ],
    overloaded: [() => unsealed('overloaded', { headers: { 'retry-after': AGES } }), 'overloaded'],
    'after an authentic-looking answer': [
      given((reply) => ({ ...withHeaders(reply, { 'retry-after': AGES }), status: 503 })),
      'bad_answer',
    ],
  }),

  onRequests('responds in suite 1', {
    'with new keys': [({ harness }) => suite1Response(harness, 200), 'bad_answer'],
    'with new keys and an error': [({ harness }) => suite1Response(harness, 201), 'bad_answer'],
    'that there is no session': [instead({ status: 404, body: '"Session not found!"' }), 'bad_answer'],
    'that it has expired': [instead({ status: 408, body: '"Session timeout exceeded!"' }), 'bad_answer'],
    'that it failed': [instead({ status: 404, body: '"Error!"' }), 'bad_answer'],
  }),
];

/** Unsealed problems, in place of the request and after its execution. */
function hints() {
  const ways: Record<string, [() => Tamper, Seen]> = {};
  for (const code of UNSEALED_CODES) {
    ways[`${code}, instead of it`] = [() => unsealed(code), code];
    ways[`${code}, after it executed the request`] = [() => unsealed(code, { after: true }), code];
  }
  for (const code of SEALED_CODES) ways[code] = [() => unsealed(code, { after: true }), 'bad_answer'];
  return ways;
}

function unsealed(
  code: ProblemCode,
  { after = false, headers = {} }: { after?: boolean; headers?: Record<string, string> } = {},
): Tamper {
  const { status } = problems[code];
  const reply = forged(status, { type: `/problems#${code}`, status, code }, headers);
  return async (request, line) => {
    if (after) await line.send(request);
    return reply;
  };
}

function elsewhere(status: number): Tamper {
  return async ({ path }, { url }) => {
    assert.notEqual(path, ELSEWHERE, 'the client went there');
    return { status, body: '', headers: { location: url + ELSEWHERE } };
  };
}

/** New keys from a session of suite 1 that the attacker opened. */
function suite1Response({ server }: Harness, status: number): Tamper {
  return async () => {
    const client = await Suite1Client.handshake(server);
    return forged(status, (await client.call('/forgot_password', { email: 'nobody@example.org' })).body);
  };
}

function withHeaders(reply: WireReply, headers: Record<string, string>): WireReply {
  return { ...reply, headers: { ...reply.headers, ...headers } };
}
