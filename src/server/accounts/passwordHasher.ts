// Password hashing with Argon2id in a bounded pool.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type Algorithm, hash, type Options, verify } from '@node-rs/argon2';
import { parametersOf } from './hashCosts.ts';
import { normalizePassword } from './passwordPolicy.ts';
import { type QueuePlace, Semaphore } from './semaphore.ts';

/** Cost of a hash: OWASP's first choice for Argon2id, https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html */
interface HashCost {
  /** KiB. */
  readonly memory: number;
  readonly iterations: number;
}

export interface PasswordHasherOptions {
  /** Secret that every hash depends on and that the database does not hold, 32 bytes. */
  readonly pepper: Uint8Array;
  readonly cost: HashCost;
  /** Number of calls that may wait for a free slot before others are rejected. */
  readonly queueLimit: number;
  /** Number of hashes computed at once. By default one processor stays free for everything else. */
  readonly concurrency?: number;
}

/** The operations of a {@link PasswordHasher}; tests substitute cheaper ones. */
export type PasswordHashing = Pick<PasswordHasher, 'hash' | 'verify' | 'needsRehash' | 'parameters'>;

const PARALLELISM = 1;
/** The library's constant is a `const enum`, which type stripping does not support. */
const ARGON2ID: Algorithm.Argon2id = 2;

/** Argon2id in a bounded pool with a bounded queue. */
export class PasswordHasher {
  /** The part of a new hash that states its cost. */
  readonly parameters: string;
  readonly #settings: Options;
  readonly #slots: Semaphore;

  private constructor(settings: Options, parameters: string, slots: Semaphore) {
    this.parameters = parameters;
    this.#settings = settings;
    this.#slots = slots;
  }

  static async create({ pepper, cost, queueLimit, concurrency }: PasswordHasherOptions): Promise<PasswordHasher> {
    const settings = {
      algorithm: ARGON2ID,
      memoryCost: cost.memory,
      timeCost: cost.iterations,
      parallelism: PARALLELISM,
      secret: pepper,
    };
    const parameters = `m=${cost.memory},t=${cost.iterations},p=${PARALLELISM}`;
    const slots = new Semaphore(concurrency ?? Math.max(1, availableParallelism() - 1), queueLimit);
    // Starts the threads of the pool.
    await hash(randomBytes(32), settings);
    return new PasswordHasher(settings, parameters, slots);
  }

  /** @throws Problem `overloaded` if the queue is full or too slow */
  hash(password: string, place: QueuePlace): Promise<string> {
    return this.#slots.run(() => hash(normalizePassword(password), this.#settings), place);
  }

  /**
   * @param findHash called when a slot is free, never if the check is rejected
   * @throws Problem `overloaded` if the queue is full or too slow
   */
  verify(findHash: () => Promise<string>, password: string, place: QueuePlace): Promise<boolean> {
    return this.#slots.run(async () => verify(await findHash(), normalizePassword(password), this.#settings), place);
  }

  /** Reports whether a hash was computed with a cost other than the configured one. */
  needsRehash(passwordHash: string): boolean {
    return parametersOf(passwordHash) !== this.parameters;
  }
}
