import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { Problem } from '../../protocol/problems.ts';
import { normalisePassword } from './passwordPolicy.ts';

/** Cost of a hash: OWASP's first choice for Argon2id, https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html */
export interface HashCost {
  /** KiB. */
  readonly memory: number;
  readonly iterations: number;
}

export interface PasswordHasherOptions {
  /** Key that every hash depends on and that the database does not hold, 32 bytes. */
  readonly pepper: Uint8Array;
  readonly cost: HashCost;
  /** How many may wait for a hash before others are told to come back later. */
  readonly queueLimit: number;
  /** How many are made at once. By default one processor is left for everything else. */
  readonly concurrency?: number;
}

/** Argon2id in a bounded pool with a bounded queue. */
export interface PasswordHasher {
  /** @throws Problem `overloaded` if the queue is full */
  hash(password: string): Promise<string>;
  /**
   * @param findHash called when the check's turn has come, never if the queue is full; undefined where there is no
   *   account: the check then costs the same and fails
   * @throws Problem `overloaded` if the queue is full
   */
  verify(findHash: () => Promise<string | undefined>, password: string): Promise<boolean>;
  /** Whether a hash was made at another cost than today's. */
  needsRehash(passwordHash: string): boolean;
}

/** Seconds after which somebody who found the queue full is asked to come back. */
const RETRY_AFTER_SECONDS = 2;
const PARALLELISM = 1;
/** The library's constant is a `const enum`, which type stripping cannot see. */
const ARGON2ID: Algorithm.Argon2id = 2;

export async function createPasswordHasher(options: PasswordHasherOptions): Promise<PasswordHasher> {
  const { pepper, cost, queueLimit } = options;
  const concurrency = options.concurrency ?? Math.max(1, availableParallelism() - 1);
  const slots = createSemaphore(concurrency, queueLimit);
  const settings = {
    algorithm: ARGON2ID,
    memoryCost: cost.memory,
    timeCost: cost.iterations,
    parallelism: PARALLELISM,
    secret: pepper,
  };
  const parameters = `m=${cost.memory},t=${cost.iterations},p=${PARALLELISM}`;
  const dummyHash = await hash(randomBytes(32), settings);

  return {
    hash: (password) => slots.run(() => hash(normalisePassword(password), settings)),
    verify: (findHash, password) =>
      slots.run(async () => {
        const passwordHash = await findHash();
        const matches = await verify(passwordHash ?? dummyHash, normalisePassword(password), settings);
        return passwordHash !== undefined && matches;
      }),
    needsRehash: (passwordHash) => passwordHash.split('$')[3] !== parameters,
  };
}

function createSemaphore(concurrency: number, queueLimit: number) {
  const waiting: (() => void)[] = [];
  let busy = 0;
  return {
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (busy >= concurrency) {
        if (waiting.length >= queueLimit) throw new Problem('overloaded', { retryAfterSeconds: RETRY_AFTER_SECONDS });
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else {
        busy += 1;
      }
      try {
        return await work();
      } finally {
        // A slot is handed on, not freed, while somebody waits: nobody can jump the queue.
        const next = waiting.shift();
        if (next) next();
        else busy -= 1;
      }
    },
  };
}
