import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Endpoint, type EndpointName, endpoints } from '../../protocol/endpoints.ts';
import type { Handler, OpenedRequest } from '../sessions/handler.ts';
import type { Transaction } from '../store/store.ts';
import { createSealedRoutes, type HandlerDependencies } from './handlers.ts';

const tx = 'the transaction' as unknown as Transaction;
const context = { address: 'the address', recipientNames: ['Anna Maria', 'Anna%20Maria'] };
const [sessionId, userId, recoveryId] = [1, 2, 3].map((byte) => new Uint8Array(16).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const session = { id: sessionId, userId, recoveryId };

type Call = readonly [rule: string, ...given: unknown[]];

/** Every rule notes how it was called and gives its name back. */
function createRoutes() {
  const calls: Call[] = [];
  const recorder = (rule: string) =>
    new Proxy({} as Record<string, (...given: unknown[]) => Promise<string>>, {
      get:
        (_, name) =>
        async (...given: unknown[]) => {
          calls.push([`${rule}.${String(name)}`, ...given]);
          return `what ${String(name)} gave`;
        },
    });
  const dependencies = Object.fromEntries(
    ['accounts', 'recovery', 'messages', 'admit'].map((rule) => [rule, recorder(rule)]),
  ) as unknown as HandlerDependencies;
  return { calls, routes: createSealedRoutes(dependencies) };
}

/** Runs an endpoint as the session does; every field holds its own name. */
async function run(name: EndpointName) {
  const { calls, routes } = createRoutes();
  const endpoint: Endpoint = endpoints[name];
  const route = routes.find(({ endpoint: { path } }) => path === endpoint.path) ?? assert.fail(`no route for ${name}`);
  const handler = route.handle(context) as Handler<Endpoint, unknown>;
  const fields = Object.fromEntries(Object.keys(endpoint.fields).map((field) => [field, field]));
  const request = { fields, session } as OpenedRequest<Endpoint>;
  await handler.admit?.(tx);
  const prepared = await handler.prepare?.(request);
  const result = await handler.execute(request, tx, prepared);
  return { calls, result };
}

test('every endpoint has one route', () => {
  const paths = createRoutes().routes.map(({ endpoint }) => endpoint.path);
  assert.deepEqual(
    paths.toSorted(),
    Object.values(endpoints)
      .map(({ path }) => path)
      .toSorted(),
  );
});

test('every endpoint counts what it must, then asks its rule, and the session goes on as the rule says', async () => {
  const password = ['admit.passwordCheck', tx, 'the address'] as const;
  const recovery = ['admit.recovery', tx, 'the address'] as const;
  const expected: Record<EndpointName, { calls: Call[]; result: object }> = {
    registerUser: {
      calls: [
        ['admit.registration', tx, 'the address'],
        ['accounts.prepareRegistration', 'username', 'email', 'password'],
        ['accounts.register', tx, 'what prepareRegistration gave'],
      ],
      result: { session: { userId: 'what register gave' } },
    },
    loginUser: {
      calls: [
        password,
        ['accounts.prepareLogin', 'email', 'password'],
        ['accounts.logIn', tx, 'what prepareLogin gave'],
      ],
      result: { session: { userId: 'what logIn gave' } },
    },
    encrypt: {
      calls: [['messages.encrypt', tx, userId, context.recipientNames, 'message']],
      result: { answer: { message: 'what encrypt gave' } },
    },
    decrypt: {
      calls: [['messages.decrypt', tx, userId, 'message']],
      result: { answer: { message: 'what decrypt gave' } },
    },
    changeUsername: {
      calls: [
        password,
        ['accounts.prepareUsernameChange', userId, 'new_username', 'password'],
        ['accounts.changeUsername', tx, 'what prepareUsernameChange gave'],
      ],
      result: {},
    },
    changePassword: {
      calls: [
        password,
        ['accounts.preparePasswordChange', userId, 'password', 'new_password'],
        ['accounts.changePassword', tx, sessionId, 'what preparePasswordChange gave'],
      ],
      result: {},
    },
    forgotPassword: {
      calls: [recovery, ['recovery.begin', tx, 'email']],
      result: { session: { recoveryId: 'what begin gave' } },
    },
    confirmForgotPassword: {
      calls: [recovery, ['recovery.confirm', tx, recoveryId, 'code']],
      result: {},
    },
    finalForgotPassword: {
      calls: [
        recovery,
        ['recovery.prepareFinish', recoveryId, 'new_password'],
        ['recovery.finish', tx, recoveryId, sessionId, 'what prepareFinish gave'],
      ],
      result: { session: { recoveryId: null } },
    },
  };
  for (const [name, wanted] of Object.entries(expected)) {
    assert.deepEqual(await run(name as EndpointName), wanted, name);
  }
});
