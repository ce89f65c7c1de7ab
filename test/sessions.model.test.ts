/*
 * Random walks of several clients through the whole server but its listener, against a model of what must be true:
 * answers are lost, requests are repeated, delayed and sent at once, the server crashes in the middle and starts again,
 * time passes. A walk that fails is shrunk to a short story.
 *
 *   VWS_MODEL_STEPS=100000   goes further than the 2,000 steps of an ordinary run
 *   VWS_MODEL_SEED=…         walks a failed walk again: the report names its seed
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Ask, EMAILS, PASSWORDS, USERNAMES } from './model/requests.ts';
import { CLIENTS, createWorld, describeCrash, describePart, type Part, type World } from './model/world.ts';
import type { CrashPoint } from './support/crashableStore.ts';

const STEPS = Number(process.env.VWS_MODEL_STEPS ?? 2_000);
const SEED = process.env.VWS_MODEL_SEED === undefined ? undefined : Number(process.env.VWS_MODEL_SEED);
const MAX_WALK = 80;
/** Ends walking, and shrinking too, before the test runner would end both without a report. In milliseconds. */
const TIME_LIMIT = Math.max(100_000, STEPS * 50);
/** What even a slow machine walks in that time. */
const LEAST_STEPS = Math.min(STEPS / 2, 200);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The moments that matter are the ends of codes, locks and sessions, and the milliseconds before them. */
const PAUSES = [10 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, 24 * HOUR].flatMap((end) => [end - 1, end]);
/** So that what is told by the time of one request comes apart from what is told by that of another. */
const SHORT_PAUSES = [1, 1_000, 2 * MINUTE, 5 * MINUTE, 40 * MINUTE, 40 * MINUTE];

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
  client: fc.constantFrom(...CLIENTS),
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
  isAnswerLost: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

const crash: fc.Arbitrary<CrashPoint> = fc.record({ transactions: fc.nat(6), during: fc.boolean() });

type Step = fc.AsyncCommand<World, World>;

/** A step of a walk that tells of itself, in the report and in the story. */
function step(text: string, run: (world: World) => Promise<void>, check: (world: World) => boolean = () => true): Step {
  return {
    check,
    async run(world) {
      world.begin(text);
      await run(world);
    },
    toString: () => text,
  };
}

const sendStep = (parts: readonly Part[], crashPoint?: CrashPoint) => {
  const all = parts.map(describePart).join(' while ');
  return step(
    crashPoint ? `${all}; ${describeCrash(crashPoint)}` : all,
    (world) => world.send(parts, crashPoint),
    (world) => world.allows(parts),
  );
};

/** A whole recovery, as chance alone would seldom put it together; any of its answers may be lost and asked for again. */
const recoveryStep = fc
  .record({
    client: fc.constantFrom(...CLIENTS),
    email,
    newPassword,
    lost: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  })
  .map(({ client, email: address, newPassword: password, lost }) => {
    const asks: Ask[] = [
      { to: 'begin recovery', email: address },
      { to: 'confirm recovery', code: 'right' },
      { to: 'finish recovery', newPassword: password },
    ];
    const again = { client, what: { again: 0 }, stepsBack: 0, starts: [0], isAnswerLost: false };
    return step(
      `${client} recovers ${address} with ${password} (lost answers: ${lost.filter(Boolean).length})`,
      async (world) => {
        for (const [index, each] of asks.entries()) {
          const isAnswerLost = lost[index] === true;
          await world.send([{ client, what: { ask: each }, stepsBack: 0, starts: [0], isAnswerLost }]);
          if (isAnswerLost) await world.send([again]);
        }
      },
    );
  });

/** Guesses at a password, at once or not, with the right one at the end. */
const guessStep = fc
  .record({ client: fc.constantFrom(...CLIENTS), email, guesses: fc.integer({ min: 3, max: 7 }), atOnce: fc.boolean() })
  .map(({ client, email: address, guesses, atOnce }) => {
    const guess = (password: 'right' | 'wrong'): Part => {
      const what = { ask: { to: 'log in', email: address, password } as const };
      return { client, what, stepsBack: 0, starts: [0], isAnswerLost: false };
    };
    const parts = [...Array<Part>(guesses).fill(guess('wrong')), guess('right')];
    const text = `${client} guesses ${guesses} times at the password of ${address}${atOnce ? ', at once' : ''}, then knows it`;
    return step(
      text,
      async (world) => {
        if (atOnce) return world.send(parts);
        for (const each of parts) await world.send([each]);
      },
      (world) => world.allows(parts),
    );
  });

const pauseStep = (pause: number) => step(`${pause / 1000} seconds pass`, (world) => world.pass(pause));
const times = (count: number, arbitrary: fc.Arbitrary<Step>) => Array<fc.Arbitrary<Step>>(count).fill(arbitrary);

const steps: fc.Arbitrary<Step>[] = [
  ...times(
    10,
    part.map((only) => sendStep([only])),
  ),
  ...times(
    5,
    fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => sendStep(parts)),
  ),
  ...times(
    3,
    fc.tuple(fc.array(part, { minLength: 1, maxLength: 3 }), crash).map(([parts, point]) => sendStep(parts, point)),
  ),
  recoveryStep,
  guessStep,
  ...times(2, fc.constantFrom(...SHORT_PAUSES).map(pauseStep)),
  fc.constantFrom(...PAUSES).map(pauseStep),
  fc.constant(step('the server is stopped and started', (world) => world.restart())),
  fc.constant(step('what has expired is removed', (world) => world.sweep())),
];

test('no walk of clients, crashes and time finds the server untrue to the model', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

  async function walk(commands: Iterable<Step>): Promise<void> {
    const world = await createWorld(count);
    try {
      await world.populate();
      await fc.asyncModelRun(() => ({ model: world, real: world }), commands);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`${message}\n\nThe story:\n${world.story.join('\n')}`, { cause: error });
    } finally {
      await world.close();
    }
  }

  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: MAX_WALK, size: 'max' }), (commands) => walk(commands)),
    {
      numRuns: Math.ceil(STEPS / (MAX_WALK / 2)),
      interruptAfterTimeLimit: TIME_LIMIT,
      ...(SEED !== undefined && { seed: SEED }),
    },
  );
  t.diagnostic(`${counts.get('a step')} steps`);
  for (const [what, times] of [...counts].sort()) t.diagnostic(`${times} × ${what}`);
  assert.ok((counts.get('a step') ?? 0) > LEAST_STEPS);
});
