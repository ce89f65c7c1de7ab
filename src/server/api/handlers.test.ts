// Handlers over recorded domain modules: rate limits, calls and results.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Endpoint, type EndpointName, endpoints } from '../../protocol/endpoints.ts';
import type { tokenMessageEndpoints } from '../../protocol/tokenMessageEndpoints.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Handler, HandlerRequest } from '../sessions/handler.ts';
import type { Transaction } from '../store/store.ts';
import { createHandlers, type HandlerDependencies } from './handlers.ts';

const tx = 'the transaction' as unknown as Transaction;
const recipientNames = ['Anna Maria', 'Anna%20Maria'];
const [sessionId, userId, recoveryId] = [1, 2, 3].map((byte) => new Uint8Array(16).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const session = { id: sessionId, suite: 1, startedAt: 1_000, userId, pendingId: recoveryId };

type Call = readonly [rule: string, ...given: unknown[]];

const decryptedMessage = { text: 'the text', senderId: recoveryId, sentAt: 2_000 };

const confirmed = { userId, email: 'the email' };

/** The results of domain modules that a handler takes apart. */
const TAKEN_APART: Readonly<Record<string, object>> = {
  confirm: confirmed,
  encrypt: { ciphertext: 'the envelope', recipientId: recoveryId },
  decrypt: decryptedMessage,
  findNames: { current: 'the current name', earlier: 'the earlier name' },
};

/** Every domain module records its calls and returns the name of the method. */
function createHarness() {
  const calls: Call[] = [];
  const recorder = (rule: string) =>
    new Proxy({} as Record<string, (...given: unknown[]) => Promise<unknown>>, {
      get:
        (_, name) =>
        async (...given: unknown[]) => {
          // A limit ignores the request that the exchange passes to every check.
          calls.push([`${rule}.${String(name)}`, ...(rule === 'checkRateLimit' ? given.slice(0, 2) : given)]);
          return TAKEN_APART[String(name)] ?? `what ${String(name)} gave`;
        },
    });
  const dependencies = Object.fromEntries(
    [
      'accounts',
      'clients',
      'invites',
      'registrations',
      'recovery',
      'emailChanges',
      'deletion',
      'notices',
      'messages',
      'tokenMessages',
      'sessions',
      'checkRateLimit',
    ].map((rule) => [rule, recorder(rule)]),
  ) as unknown as HandlerDependencies;
  return { calls, dependencies, handlers: createHandlers(dependencies) };
}

/** Runs a handler as the exchange does; the value of every field is its own name. */
async function run(name: EndpointName, suite: number, { calls, handlers } = createHarness(), extra: object = {}) {
  const endpoint: Endpoint = endpoints[name];
  const handler: Handler = handlers[name];
  const fields = Object.fromEntries(Object.keys(endpoint.fields).map((field) => [field, field]));
  const request: HandlerRequest = {
    fields: { ...fields, ...extra },
    session: { ...session, suite },
    address: 'the address',
    repeated: false,
    recipientNames,
  };
  await handler.checkRateLimit?.(tx, 'the address', request);
  const result =
    handler.kind === 'prepared'
      ? await handler.execute(request, tx, await handler.prepare(request))
      : await handler.execute(request, tx);
  return { calls, result };
}

test('every endpoint has a handler', () => {
  assert.deepEqual(Object.keys(createHarness().handlers).toSorted(), Object.keys(endpoints).toSorted());
});

interface Expected {
  readonly calls: Call[];
  readonly result: object;
}

/** Tested below, or in tokenMessages.test.ts. */
type NotListed = 'encrypt' | 'decrypt' | 'registerUser' | keyof typeof tokenMessageEndpoints;

/** The endpoints that behave alike in both suites, if both have them. */
function inEverySuite(suite: number): Record<Exclude<EndpointName, NotListed>, Expected> {
  const ofSession = (limit: string, kind: string, id: Uint8Array) =>
    [`checkRateLimit.${limit}`, tx, `${kind} ${Buffer.from(id).toString('hex')}`] as const;
  const password = ofSession('passwordCheck', 'user', userId);
  const recovery = ofSession('recovery', 'recovery', recoveryId);
  const mails = ['checkRateLimit.mails', tx, 'the address'] as const;
  const inSession = { ...session, suite };
  const client = { address: 'the address', suite };
  const loginClient = { ...client, deviceToken: undefined };
  const ofDevice = (...limits: string[]): Call[] => [
    ['clients.limitSubject', tx, 'email', loginClient],
    ...limits.map((limit) => [`checkRateLimit.${limit}`, tx, 'what limitSubject gave'] as const),
  ];
  return {
    confirmRegistration: {
      calls: [
        ['checkRateLimit.passwordCheck', tx, 'the address'],
        ['registrations.confirm', tx, recoveryId, 'code', suite],
        ['accounts.rememberClient', tx, userId, client],
      ],
      result: {
        session: { userId, pendingId: null },
        response: { email: 'the email', device_token: 'what rememberClient gave' },
      },
    },
    loginUser: {
      calls: [
        ...ofDevice('passwordCheck'),
        ['accounts.prepareLogin', 'email', 'password', loginClient],
        ['accounts.logIn', tx, 'what prepareLogin gave', loginClient],
        ['sessions.makeRoom', tx, 'what logIn gave', inSession],
        ['accounts.rememberClient', tx, 'what logIn gave', loginClient],
      ],
      result: { session: { userId: 'what logIn gave' }, response: { device_token: 'what rememberClient gave' } },
    },
    changeUsername: {
      calls: [
        password,
        ['accounts.prepareUsernameChange', userId, 'new_username', 'password', client],
        ['accounts.changeUsername', tx, 'what prepareUsernameChange gave'],
      ],
      result: {},
    },
    changePassword: {
      calls: [
        password,
        ['accounts.preparePasswordChange', userId, 'password', 'new_password', client],
        ['accounts.changePassword', tx, sessionId, 'what preparePasswordChange gave', client],
      ],
      result: {},
    },
    forgotPassword: {
      calls: [...ofDevice('recovery', 'mails'), ['recovery.begin', tx, 'email', loginClient]],
      result: { session: { pendingId: 'what begin gave' } },
    },
    confirmForgotPassword: {
      calls: [recovery, ['recovery.confirm', tx, recoveryId, 'code']],
      result: {},
    },
    finalForgotPassword: {
      calls: [
        recovery,
        ['recovery.prepareFinish', recoveryId, 'new_password', client],
        ['recovery.finish', tx, recoveryId, sessionId, 'what prepareFinish gave', client],
      ],
      result: { session: { pendingId: null } },
    },
    account: { calls: [['accounts.show', tx, userId]], result: { response: 'what show gave' } },
    listSessions: { calls: [['sessions.list', tx, inSession]], result: { response: { sessions: 'what list gave' } } },
    endSession: { calls: [['sessions.end', tx, inSession, 'session']], result: {} },
    endOtherSessions: { calls: [['sessions.endOthers', tx, inSession]], result: {} },
    changeEmail: {
      calls: [
        password,
        mails,
        ['emailChanges.prepare', userId, 'new_email', 'password', client],
        ['emailChanges.begin', tx, 'what prepare gave'],
      ],
      result: {},
    },
    confirmChangeEmail: {
      calls: [password, ['emailChanges.confirm', tx, userId, 'code', client]],
      result: { response: confirmed },
    },
    deleteAccount: {
      calls: [
        password,
        ['deletion.prepare', userId, 'username', 'password', client],
        ['deletion.execute', tx, sessionId, 'what prepare gave', client],
      ],
      result: { session: { userId: null, pendingId: null } },
    },
    setNotices: { calls: [['notices.choose', tx, userId, 'login']], result: {} },
    labelSession: { calls: [['sessions.label', tx, inSession, 'label']], result: {} },
    logOut: {
      calls: [['sessions.logOut', tx, inSession]],
      result: { session: { userId: null, pendingId: null } },
    },
  };
}

test('handlers check their rate limit, call their domain module and update the session', async () => {
  for (const suite of [1, 2]) {
    for (const [name, wanted] of Object.entries(inEverySuite(suite))) {
      assert.deepEqual(await run(name as EndpointName, suite), wanted, `${name} in suite ${suite}`);
    }
  }
});

test('registering: at once in suite 1, after a confirmation in suite 2', async () => {
  const client = { address: 'the address', suite: 1 };
  const before: Call[] = [
    ['checkRateLimit.registration', tx, 'the address'],
    ['invites.check', undefined],
  ];
  assert.deepEqual(await run('registerUser', 1), {
    calls: [
      ...before,
      ['accounts.prepareRegistration', 'username', 'email', 'password', client],
      ['accounts.register', tx, 'what prepareRegistration gave', 1],
      ['invites.consume', tx, undefined],
      ['accounts.rememberClient', tx, 'what register gave', client],
    ],
    result: { session: { userId: 'what register gave' } },
  });
  assert.deepEqual(await run('registerUser', 2), {
    calls: [
      ...before,
      ['accounts.prepareRegistration', 'username', 'email', 'password', { ...client, suite: 2 }],
      ['checkRateLimit.mails', tx, 'the address'],
      ['registrations.begin', tx, 'what prepareRegistration gave', undefined, { ...client, suite: 2 }],
    ],
    result: { session: { pendingId: 'what begin gave' }, response: { next: 'confirm_email' } },
  });
});

test('a device token goes to the domain modules, and is returned if there is one', async () => {
  for (const name of ['loginUser', 'forgotPassword'] as const) {
    const { calls } = await run(name, 2, createHarness(), { device_token: 'a token' });
    assert.ok(JSON.stringify(calls).includes('"deviceToken":"a token"'), name);
  }
  const { calls, dependencies } = createHarness();
  const { logIn, prepareLogin } = dependencies.accounts;
  const accounts = { logIn, prepareLogin, rememberClient: async () => undefined } as unknown as Accounts;
  const handlers = createHandlers({ ...dependencies, accounts });
  const { result } = await run('loginUser', 1, { calls, dependencies, handlers });
  assert.deepEqual(result, { session: { userId: 'what logIn gave' } });
});

test('encrypt: the recipient is one of the names of the path, or the encrypted name', async () => {
  const result = { response: { message: 'the envelope' } };
  const withId = { response: { message: 'the envelope', recipient_id: '03'.repeat(16) } };
  const calls = (names: readonly string[], isShort: boolean): Call[] => [
    ['messages.encrypt', tx, userId, names, 'message', { isShort }],
  ];
  assert.deepEqual(await run('encrypt', 1), { calls: calls(recipientNames, true), result });
  const sealed = { username: 'Anna Maria?' };
  assert.deepEqual(await run('encrypt', 2, createHarness(), sealed), {
    calls: calls(['Anna Maria?'], false),
    result: withId,
  });
});

const responseFrom = (sender: string | null, sender_now: string | null) => ({
  ...{ message: 'the text', sender, sender_now, sender_id: '03'.repeat(16), sent_at: 2_000 },
});

test('decrypt: returns the text in suite 1, and also sender and time in suite 2', async () => {
  const decrypt = (repairLastCharacter: boolean): Call => [
    'messages.decrypt',
    tx,
    userId,
    'message',
    { repairLastCharacter },
  ];
  assert.deepEqual(await run('decrypt', 1), { calls: [decrypt(true)], result: { response: { message: 'the text' } } });
  assert.deepEqual(await run('decrypt', 2), {
    calls: [decrypt(false), ['accounts.findNames', tx, decryptedMessage.senderId, decryptedMessage.sentAt]],
    result: { response: responseFrom('the earlier name', 'the current name') },
  });
  for (const names of [undefined, { current: 'the only name', earlier: null }]) {
    const { calls, dependencies } = createHarness();
    const accounts = { ...dependencies.accounts, findNames: async () => names } as unknown as Accounts;
    const handlers = createHandlers({ ...dependencies, accounts });
    const { result } = await run('decrypt', 2, { calls, dependencies, handlers });
    assert.deepEqual(result, { response: responseFrom(names?.current ?? null, names?.current ?? null) });
  }
});
