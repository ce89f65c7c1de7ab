/** Restriction of registration: open, by invite, or closed. */
import { randomInt } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import { consumeInvite, insertInvite, isInviteValid } from '../store/invites.ts';
import type { Store, Transaction } from '../store/store.ts';

export type RegistrationMode = 'open' | 'invite' | 'closed';

/** Crockford's base32: without I, L, O and U. 16 characters have 80 bits. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_LENGTH = 16;
const GROUP = /.{4}(?=.)/g;

export interface InvitesDependencies {
  readonly store: Store;
  readonly mode: RegistrationMode;
  /** Key under which codes are hashed, 32 bytes. */
  readonly codeKey: Uint8Array;
  readonly clock: () => number;
}

/** Invites: codes of the operator, each for one registration. */
export class Invites {
  readonly #store: Store;
  readonly #mode: RegistrationMode;
  readonly #codeKey: Uint8Array;
  readonly #clock: () => number;

  constructor({ store, mode, codeKey, clock }: InvitesDependencies) {
    this.#store = store;
    this.#mode = mode;
    this.#codeKey = codeKey;
    this.#clock = clock;
  }

  /**
   * Creates an invite.
   *
   * @returns the code, in groups of four characters; only its hash is stored
   */
  async create(lifetimeMs: number): Promise<string> {
    const code = Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    const now = this.#clock();
    const invite = { code_hash: this.#hash(code), created_at: now, expires_at: now + lifetimeMs };
    await this.#store.transaction((tx) => insertInvite(tx, invite));
    return code.replace(GROUP, '$&-');
  }

  /**
   * Checks that a registration may begin, before any costly work.
   *
   * @param code as typed, ignoring case and hyphens; undefined in suite 1, which has no field for it
   * @throws Problem `registration_closed`, `invite_required`
   */
  async check(code: string | undefined): Promise<void> {
    if (this.#mode !== 'open') await this.#store.transaction((tx) => this.checkAgain(tx, code));
  }

  /**
   * Checks in the transaction of a registration that it may still be completed.
   *
   * @throws Problem `registration_closed`, `invite_required`
   */
  async checkAgain(tx: Transaction, code: string | undefined): Promise<void> {
    if (this.#mode === 'open') return;
    if (this.#mode === 'closed') throw new Problem('registration_closed');
    const isValid = code !== undefined && (await isInviteValid(tx, this.#hash(code), this.#clock()));
    if (!isValid) throw new Problem('invite_required');
  }

  /**
   * Uses up the invite of a registration, in its transaction.
   *
   * @throws Problem `overloaded` if a concurrent registration used it; a retry fails in {@link check}
   */
  async consume(tx: Transaction, code: string | undefined): Promise<void> {
    if (this.#mode !== 'invite') return;
    const isConsumed = code !== undefined && (await consumeInvite(tx, this.#hash(code), this.#clock()));
    // Not a response inside the session: that would keep the account of the transaction.
    if (!isConsumed) throw new Problem('overloaded', { retryAfterSeconds: 1 });
  }

  #hash(code: string): Uint8Array {
    return hmac(this.#codeKey, code.replace(/[\s-]/g, '').toUpperCase());
  }
}
