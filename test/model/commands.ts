// Random commands of the model test; the report of a failed run describes each of them.
import fc from 'fast-check';
import type { CrashPoint } from '../support/crashableStore.ts';
import { CLIENTS, describeCrash, describePart, type Harness, type Part, partOf } from './harness.ts';
import { type Ask, EMAILS, PASSWORDS, USERNAMES } from './requests.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CODE_LIFETIME_MS = 10 * MINUTE_MS;
const LOCK_DURATION = 15 * MINUTE_MS;
/** Lifetimes of codes, locks and sessions, and one millisecond less. */
const LONG_PAUSES = [CODE_LIFETIME_MS, LOCK_DURATION, HOUR_MS, 2 * HOUR_MS, 24 * HOUR_MS].flatMap((end) => [
  end - 1,
  end,
]);
/** Pauses of which several fit into the lifetime of a session. */
const SHORT_PAUSES = [1, 1_000, 2 * MINUTE_MS, 5 * MINUTE_MS, 40 * MINUTE_MS, 40 * MINUTE_MS];

export type Command = fc.AsyncCommand<Harness, Harness>;

const client = fc.constantFrom(...CLIENTS);
const username = fc.constantFrom(...USERNAMES);
const email = fc.constantFrom(...EMAILS);
const newPassword = fc.constantFrom(...PASSWORDS);
const choice = fc.constantFrom('right' as const, 'right' as const, 'wrong' as const);
const to = <T extends Ask['to']>(what: T) => fc.constant(what);

const ask: fc.Arbitrary<Ask> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ to: to('register'), username, email, password: newPassword }) },
  { weight: 6, arbitrary: fc.record({ to: to('log in'), email, password: choice }) },
  { weight: 2, arbitrary: fc.record({ to: to('change name'), username, password: choice }) },
  { weight: 2, arbitrary: fc.record({ to: to('change password'), password: choice, newPassword }) },
  { weight: 3, arbitrary: fc.record({ to: to('begin recovery'), email }) },
  { weight: 4, arbitrary: fc.record({ to: to('confirm recovery'), code: choice }) },
  { weight: 4, arbitrary: fc.record({ to: to('finish recovery'), newPassword }) },
  { weight: 2, arbitrary: fc.record({ to: to('encrypt'), username }) },
  { weight: 2, arbitrary: fc.record({ to: to('decrypt'), message: choice }) },
);

const part: fc.Arbitrary<Part> = fc.record({
  client,
  what: fc.oneof(
    { weight: 12, arbitrary: fc.record({ ask }) },
    { weight: 4, arbitrary: fc.record({ again: fc.oneof(fc.constant(0), fc.nat(4)) }) },
    { weight: 1, arbitrary: fc.constant('nonsense' as const) },
  ),
  stepsBack: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 }) },
  ),
  starts: fc.oneof(
    { weight: 4, arbitrary: fc.constant([0]) },
    { weight: 1, arbitrary: fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }) },
  ),
  isResponseLost: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

const crash: fc.Arbitrary<CrashPoint> = fc.record({ transactions: fc.nat(6), during: fc.boolean() });

function createCommand(
  text: string,
  run: (harness: Harness) => Promise<void>,
  check: (harness: Harness) => boolean = () => true,
): Command {
  return {
    check,
    async run(harness) {
      harness.begin(text);
      await run(harness);
    },
    toString: () => text,
  };
}

function sendCommand(parts: readonly Part[], crashPoint?: CrashPoint): Command {
  const all = parts.map(describePart).join(' while ');
  return createCommand(
    crashPoint ? `${all}; ${describeCrash(crashPoint)}` : all,
    (harness) => harness.send(parts, crashPoint),
    (harness) => harness.allows(parts),
  );
}

/** A complete recovery, which random commands would rarely produce; its responses may be lost and requested again. */
const recoveryCommand = fc
  .record({
    client,
    email,
    newPassword,
    lost: fc.array(fc.constantFrom('code' as const, 'confirmation' as const, 'end' as const), { maxLength: 2 }),
    pause: fc.constantFrom(0, 0, CODE_LIFETIME_MS - 1, CODE_LIFETIME_MS),
    pauseBefore: fc.constantFrom('confirmation' as const, 'end' as const),
  })
  .map(({ client: who, email: address, newPassword: password, lost, pause, pauseBefore }) => {
    const asks: ['code' | 'confirmation' | 'end', Ask][] = [
      ['code', { to: 'begin recovery', email: address }],
      ['confirmation', { to: 'confirm recovery', code: 'right' }],
      ['end', { to: 'finish recovery', newPassword: password }],
    ];
    const notes = `answers lost: ${lost.join(', ') || 'none'}; ${pause / 1_000} seconds before the ${pauseBefore}`;
    return createCommand(`${who} recovers ${address} with ${password} (${notes})`, async (harness) => {
      for (const [name, each] of asks) {
        const isResponseLost = lost.includes(name);
        if (name === pauseBefore && pause > 0) await harness.pass(pause);
        await harness.send([partOf(who, { ask: each }, isResponseLost)]);
        if (isResponseLost) await harness.send([partOf(who, { again: 0 })]);
      }
    });
  });

/** Wrong passwords, at once or one after the other, followed by the right one. */
const guessCommand = fc
  .record({
    client,
    email,
    guesses: fc.integer({ min: 3, max: 7 }),
    pause: fc.constantFrom('at once' as const, 0, LOCK_DURATION - 1, LOCK_DURATION),
  })
  .map(({ client: who, email: address, guesses, pause }) => {
    const guess = (password: 'right' | 'wrong') => partOf(who, { ask: { to: 'log in', email: address, password } });
    const wrong = Array.from({ length: guesses }, () => guess('wrong'));
    const isAtOnce = pause === 'at once';
    const then = isAtOnce ? 'and knows it, all at once' : `and knows it ${pause / 1_000} seconds later`;
    return createCommand(
      `${who} guesses ${guesses} times at the password of ${address} ${then}`,
      async (harness) => {
        if (isAtOnce) return harness.send([...wrong, guess('right')]);
        for (const each of wrong) await harness.send([each]);
        if (pause > 0) await harness.pass(pause);
        await harness.send([guess('right')]);
      },
      (harness) => harness.allows([...wrong, guess('right')]),
    );
  });

const pauseCommand = (pause: number) =>
  createCommand(`${pause / 1_000} seconds pass`, (harness) => harness.pass(pause));

const kinds: readonly (readonly [weight: number, commands: fc.Arbitrary<Command>])[] = [
  [10, part.map((only) => sendCommand([only]))],
  [5, fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => sendCommand(parts))],
  [3, fc.tuple(fc.array(part, { minLength: 1, maxLength: 3 }), crash).map(([parts, at]) => sendCommand(parts, at))],
  [1, recoveryCommand],
  [1, guessCommand],
  [2, fc.constantFrom(...SHORT_PAUSES).map(pauseCommand)],
  [1, fc.constantFrom(...LONG_PAUSES).map(pauseCommand)],
  [1, fc.constant(createCommand('the server is stopped and started', (harness) => harness.restart()))],
  [1, fc.constant(createCommand('what has expired is removed', (harness) => harness.sweep()))],
];

/** For `fc.commands`, which draws from each entry with the same probability. */
export const commands: fc.Arbitrary<Command>[] = kinds.flatMap(([weight, kind]) =>
  Array<typeof kind>(weight).fill(kind),
);
