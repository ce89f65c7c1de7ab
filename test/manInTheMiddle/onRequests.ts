// Attacks on requests.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type Attack, asked, customAttack, field, flipped, onRequests, stepOf, withFields } from './attack.ts';
import { ATTACKERS_WORDS, expectError, rename } from './harness.ts';
import type { Tamper, WireRequest } from './line.ts';

const TIMES = 20;
const TOKEN_TEXT = 'Meet me at the old mill.';
/** The server executes the request. */
const dropping: Tamper = async (request, line) => {
  await line.send(request);
  return 'broken';
};

const changed = (fields: Record<string, unknown>) => () => asked((request) => withFields(request, fields));
const redirected = (path: string) => () => asked((request) => ({ ...request, path }));
const atStep = (distance: number) => () =>
  asked((request) => {
    const [suite, id, n] = field(request, 'session_key').split('.');
    return withFields(request, { session_key: [suite, id, Number(n) + distance].join('.') });
  });
const reshaped = (change: (payload: string) => unknown) => () =>
  asked((request) => withFields(request, { payload: change(field(request, 'payload')) }));
const cutAt = (length: number) => () => asked((request) => ({ ...request, body: request.body.slice(0, length) }));
const headed = (headers: Record<string, string>) => () =>
  asked((request) => ({ ...request, headers: { ...request.headers, ...headers } }));

export const attacksOnRequests: readonly Attack[] = [
  onRequests('eavesdrops', {
    '': [() => asked((request) => request)],
  }),

  onRequests('flips a bit of a request', {
    'of its nonce': [() => asked((request) => flipped(request, 'payload', 0)), 'malformed_request'],
    'of its flags': [() => asked((request) => flipped(request, 'payload', 12)), 'malformed_request'],
    'of its text': [() => asked((request) => flipped(request, 'payload', -17)), 'malformed_request'],
    'of its tag': [() => asked((request) => flipped(request, 'payload', -1)), 'malformed_request'],
  }),

  onRequests('truncates, extends, empties or garbles a request', {
    'leaving the head': [cutAt(10), 'bad_answer'],
    'leaving nothing': [cutAt(0), 'bad_answer'],
    'cutting the payload': [reshaped((payload) => payload.slice(0, 40)), 'malformed_request'],
    'lengthening the payload': [reshaped((payload) => `${payload}AAAA`), 'malformed_request'],
    'without a payload': [reshaped(() => undefined), 'malformed_request'],
    'with an empty payload': [reshaped(() => ''), 'malformed_request'],
    'with a payload that is not a text': [reshaped((payload) => [payload]), 'malformed_request'],
    'with a payload that is not base64url': [reshaped((payload) => `${payload}=`), 'malformed_request'],
  }),

  onRequests('redirects a request to another endpoint', {
    'that takes no fields': [redirected('/end_other_sessions'), 'malformed_request'],
    'that takes a message, too': [redirected('/decrypt'), 'malformed_request'],
    'that is a handshake': [redirected('/create_session_key'), 'bad_answer'],
    'that is not there': [redirected('/nowhere'), 'bad_answer'],
  }),

  onRequests('changes the step or the session of a request', {
    'the next step': [atStep(1), 'out_of_sync'],
    'a far step': [atStep(1000), 'out_of_sync'],
    'the step before': [atStep(-1), 'out_of_sync'],
    'no step': [changed({ session_key: undefined }), 'bad_answer'],
    'somebody’s': [
      ({ bobs }) => asked((request) => withFields(request, { session_key: nextKey(bobs.request) })),
      'malformed_request',
    ],
    'nobody’s': [changed({ session_key: `2.${randomBytes(32).toString('base64url')}.1` }), 'session_not_found'],
    'one of suite 1': [changed({ session_key: 'A'.repeat(400) }), 'bad_answer'],
  }),

  onRequests('replaces a request with another one', {
    'an earlier one of the session': [({ own }) => asked(() => own.request), 'bad_answer'],
    'an earlier one’s payload': [
      ({ own }) => asked((request) => withFields(request, { payload: field(own.request, 'payload') })),
      'malformed_request',
    ],
    'one of another user’s session': [({ bobs }) => asked(() => bobs.request), 'bad_answer'],
    'the payload of another user’s': [
      ({ bobs }) => asked((request) => withFields(request, { payload: field(bobs.request, 'payload') })),
      'malformed_request',
    ],
  }),

  onRequests('adds fields, headers or a name to a request', {
    'a suite': [changed({ suite: 1 })],
    'unsealed fields': [changed({ username: 'mallory', message: 'a forgery', ciphertext: 'AA' })],
    headers: [
      headed({ 'content-type': 'text/plain', 'x-forwarded-for': '192.0.2.1', 'x-http-method-override': 'GET' }),
    ],
  }),

  customAttack('adds another recipient’s name to the path of a message', [undefined], async (harness) => {
    const alice = await harness.enter();
    const mallory = await harness.join();
    const toMallory = asked((request) => ({ ...request, path: `/encrypt/${mallory.person.username}` }));
    const message = await harness.tampering(toMallory, () => alice.vws.encrypt(harness.bob.person.username, 'for Bob'));
    await expectError(mallory.vws.decrypt(message), 'undecryptable_message');
    assert.equal((await harness.bob.vws.decrypt(message)).text, 'for Bob');
    await harness.expectUnharmed(alice);
  }),

  onRequests('drops requests', {
    '': [() => async () => 'broken', 'network'],
  }),

  customAttack('drops the responses to sending and opening a token message', ['network'], async (harness) => {
    const alice = await harness.enter();
    const { bob } = harness;
    const send = () => alice.vws.send(bob.person.username, TOKEN_TEXT, { maxOpens: 1 });
    await harness.tampering(dropping, () => expectError(send(), 'network'));
    // The same call resolves the first one.
    const { token, id } = await send();
    await harness.tampering(dropping, () => expectError(bob.vws.open(token), 'network'));
    assert.equal((await bob.vws.open(token)).text, TOKEN_TEXT);
    await expectError(bob.vws.open(token), 'message_used_up');
    assert.deepEqual(await alice.vws.revoke(id), { state: 'used_up', opens: 1 });
    assert.equal((await alice.vws.listSent()).messages.filter((message) => message.id === id).length, 1);
    await harness.expectUnharmed(alice, [TOKEN_TEXT, token]);
  }),

  customAttack('repeats the opening of a token message to use up its opens', [undefined], async (harness) => {
    const alice = await harness.enter();
    const { token, id } = await alice.vws.send(harness.bob.person.username, TOKEN_TEXT, { maxOpens: 2 });
    const opened = await harness.tampering(repeating, () => harness.bob.vws.open(token));
    assert.deepEqual([opened.text, opened.opens], [TOKEN_TEXT, 1]);
    assert.deepEqual(await alice.vws.revoke(id), { state: 'revoked', opens: 1 });
    await harness.expectUnharmed(alice, [TOKEN_TEXT, token]);
  }),

  customAttack('forges the hints about token messages', [undefined], async (harness) => {
    const alice = await harness.enterAgain();
    const forging: Tamper = async (request, line) => {
      const reply = await line.send(request);
      if (!request.path.startsWith('/.well-known/')) return withFields(reply, { features: [], limits: {} });
      return withFields(reply, { features: [], limits: { max_days: 0, max_text_bytes: 0 } });
    };
    const { token } = await harness.tampering(forging, () =>
      alice.vws.send(harness.bob.person.username, TOKEN_TEXT, { maxOpens: null }),
    );
    const { text } = await harness.tampering(forging, () => harness.bob.vws.open(token));
    assert.equal(text, TOKEN_TEXT);
    await harness.expectUnharmed(alice, [TOKEN_TEXT, token]);
  }),

  onRequests('repeats a request many times at once', {
    '': [() => repeating],
  }),

  customAttack('repeats a login with a wrong password to lock the account', [undefined], async (harness) => {
    const mallory = await harness.join();
    const { email, password } = mallory.person;
    const login = () => mallory.vws.login({ email, password: 'Mallory_2026' });
    await harness.tampering(repeating, () => expectError(login(), 'invalid_credentials'));
    await mallory.vws.login({ email, password });
    await harness.expectUnharmed(mallory);
  }),

  customAttack('delays a request', ['network'], async (harness) => {
    const alice = await harness.enter();
    let kept: WireRequest | undefined;
    const keep: Tamper = async (request) => {
      kept ??= request;
      return 'broken';
    };
    await harness.tampering(keep, () => expectError(rename(alice), 'network'));
    // The next call resends it before its own request; executed later, it would undo that one.
    await rename(alice);
    await harness.line.send(kept ?? assert.fail());
    await harness.expectUnharmed(alice);
  }),

  customAttack('delays a request until after the next one', [undefined], async (harness) => {
    const alice = await harness.enter();
    let inProgress = 0;
    const one: Tamper = async (request, line) => {
      inProgress += 1;
      assert.equal(inProgress, 1, 'a request was sent before the response to the previous one');
      const reply = await line.send(request);
      inProgress -= 1;
      return reply;
    };
    await harness.tampering(one, () => Promise.all([rename(alice), alice.vws.getAccount(), alice.vws.listSessions()]));
    await harness.expectUnharmed(alice);
  }),

  customAttack('sends a request of their own in the session', [undefined], async (harness) => {
    const alice = await harness.enter();
    const forging: Tamper = async (request, line) => {
      const sizes = [0, 28, 100, 2000];
      const forgeries = sizes.map((size) => withFields(request, { payload: randomBytes(size).toString('base64url') }));
      const clear = {
        path: '/change_username',
        body: JSON.stringify({ session_key: field(request, 'session_key'), new_username: ATTACKERS_WORDS }),
      };
      for (const { status } of await Promise.all([...forgeries, clear].map(line.send))) assert.equal(status, 400);
      return line.send(request);
    };
    await harness.tampering(forging, () => rename(alice));
    await harness.expectUnharmed(alice);
  }),

  customAttack('uses the session after its user has logged out', [undefined], async (harness) => {
    const alice = await harness.enter();
    await rename(alice);
    await alice.vws.logOut();
    const heard = harness.line.heard.map(({ request }) => request);
    await Promise.all(heard.map(harness.line.send));
    await expectError(alice.vws.getAccount(), 'not_authenticated');
    await alice.vws.login(alice.person);
    assert.ok(stepOf(alice).n > 0);
    await harness.expectUnharmed(alice);
  }),
];

const repeating: Tamper = async (request, line) => {
  const replies = await Promise.all(Array.from({ length: TIMES }, () => line.send(request)));
  const answers = replies.filter(({ status }) => status < 500);
  return answers[0] ?? assert.fail();
};

function nextKey(request: WireRequest): string {
  const [suite, id, n] = field(request, 'session_key').split('.');
  return [suite, id, Number(n) + 1].join('.');
}
