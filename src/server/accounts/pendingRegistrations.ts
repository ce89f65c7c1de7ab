// Registration in suite 2: an account is created once a code confirms its email address.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
import { openAead, sealAead } from '../crypto/aead.ts';
import { hmac } from '../crypto/derive.ts';
import type { CodeMail } from '../store/outbox.ts';
import {
  countRegistrationTry,
  deletePendingRegistration,
  insertPendingRegistration,
} from '../store/pendingRegistrations.ts';
import type { Transaction } from '../store/store.ts';
import { findUserByEmail } from '../store/users.ts';
import type { Accounts, PreparedRegistration } from './accounts.ts';
import type { AttemptBudget } from './credentials.ts';
import { mailboxOf } from './email.ts';
import type { ClientInfo, KnownClients } from './knownClients.ts';
import type { Notices } from './notices.ts';
import { CODE_LIFETIME_MS, MAX_TRIES, randomCode } from './recovery.ts';
import type { Invites } from './registration.ts';

const REGISTRATION_ID_LENGTH = 16;
const ASSOCIATED_DATA_LABEL = 'vws registration ';

export interface PendingRegistrationsDependencies {
  readonly accounts: Pick<Accounts, 'register'>;
  readonly invites: Pick<Invites, 'checkAgain' | 'consume'>;
  readonly clients: Pick<KnownClients, 'identify'>;
  readonly outbox: { enqueueRegistration(transaction: Transaction, mail: CodeMail): Promise<void> };
  readonly notices: Pick<Notices, 'send'>;
  /** Emails to one mailbox: those that one client asked for, and all together. */
  readonly mails: { readonly ofClient: AttemptBudget; readonly ofGroup: AttemptBudget };
  /** Key under which codes are hashed, 32 bytes. */
  readonly codeKey: Uint8Array;
  /** Key under which registrations are stored, 32 bytes. */
  readonly sealingKey: Uint8Array;
  readonly clock: () => number;
}

/** The stored part of a registration whose address is not confirmed yet. */
interface StoredRegistration {
  readonly registration: PreparedRegistration;
  readonly invite?: string | undefined;
}

export interface ConfirmedRegistration {
  readonly userId: Uint8Array;
  readonly email: string;
}

/**
 * Registrations that wait for the code from their email. Whether an address has an account is revealed to its mailbox only: for a
 * taken address the same happens, except that its email has no code. Neither name nor address is reserved: the first confirmation
 * gets them.
 *
 * ```
 * sealed registration = AEAD(sealing key, UTF-8 JSON, "vws registration " ‖ registration id)
 * ```
 */
export class PendingRegistrations {
  readonly #dependencies: PendingRegistrationsDependencies;

  constructor(dependencies: PendingRegistrationsDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Stores a registration and mails its address.
   *
   * @param invite as typed, if there is one
   * @returns the id of the registration, to be stored in the session
   * @throws Problem `too_many_requests` if the mailbox got too many of these emails, whether it has an account or not
   */
  async begin(
    tx: Transaction,
    registration: PreparedRegistration,
    invite: string | undefined,
    client: ClientInfo,
  ): Promise<Uint8Array> {
    const { outbox, notices, sealingKey, clock } = this.#dependencies;
    const { email, emailKey } = registration;
    await this.#countMail(tx, emailKey, client);
    const owner = await findUserByEmail(tx, emailKey);
    const registrationId = randomBytes(REGISTRATION_ID_LENGTH);
    const code = randomCode();
    const expiresAt = clock() + CODE_LIFETIME_MS;
    const stored: StoredRegistration = { registration, invite };
    await insertPendingRegistration(tx, {
      registration_id: registrationId,
      sealed_registration: sealAead(sealingKey, Buffer.from(JSON.stringify(stored)), associatedData(registrationId)),
      code_hash: this.#hashCode(registrationId, code),
      tries: 0,
      expires_at: expiresAt,
    });
    if (owner) await notices.send(tx, owner.email, 'already_registered');
    else await outbox.enqueueRegistration(tx, { to: email, code, expiresAt });
    return registrationId;
  }

  /**
   * Creates the account. If the address got an account in the meantime, the code counts as wrong, like every code for an address
   * that was taken from the start.
   *
   * @throws Problem `no_registration`, `invalid_code`, `username_taken`, `registration_closed`, `invite_required`
   */
  async confirm(
    tx: Transaction,
    registrationId: Uint8Array | null,
    code: string,
    suite: number,
  ): Promise<ConfirmedRegistration> {
    const { accounts, invites, clock } = this.#dependencies;
    const pending = registrationId && (await countRegistrationTry(tx, registrationId, clock(), MAX_TRIES));
    if (!pending) throw new Problem('no_registration');
    const hash = this.#hashCode(pending.registration_id, code.trim().toUpperCase());
    if (!timingSafeEqual(hash, pending.code_hash)) throw new Problem('invalid_code');
    const { registration, invite } = this.#open(pending.registration_id, pending.sealed_registration);
    if (await findUserByEmail(tx, registration.emailKey)) throw new Problem('invalid_code');
    // Problems are responses, and what was written before them stays written. So nothing is written before the last of them.
    await invites.checkAgain(tx, invite);
    const userId = await accounts.register(tx, registration, suite).catch(hideTakenAddress);
    await invites.consume(tx, invite);
    await deletePendingRegistration(tx, pending.registration_id);
    return { userId, email: registration.email };
  }

  /** @throws Problem `too_many_requests` */
  async #countMail(tx: Transaction, emailKey: string, client: ClientInfo): Promise<void> {
    const { clients, mails } = this.#dependencies;
    // No client is known to an account that does not exist yet.
    const subjects = await clients.identify(tx, mailboxOf(emailKey), undefined, client);
    for (const [budget, subject] of [
      [mails.ofClient, subjects.client],
      [mails.ofGroup, subjects.group],
    ] as const) {
      if (await budget.spend(tx, subject)) continue;
      throw new Problem('too_many_requests', { retryAfterSeconds: budget.retryAfterSeconds });
    }
  }

  /** @throws Error if the row was altered or belongs to another master key */
  #open(registrationId: Uint8Array, sealed: Uint8Array): StoredRegistration {
    const opened = openAead(this.#dependencies.sealingKey, sealed, associatedData(registrationId));
    if (!opened) throw new Error('a stored registration does not open: the database was altered or damaged');
    return JSON.parse(Buffer.from(opened).toString());
  }

  #hashCode(registrationId: Uint8Array, code: string): Uint8Array {
    return hmac(this.#dependencies.codeKey, 'registration ', registrationId, code);
  }
}

/** A concurrent confirmation may take the address after the check. */
function hideTakenAddress(error: unknown): never {
  if (error instanceof Problem && error.code === 'email_taken') throw new Problem('invalid_code');
  throw error;
}

function associatedData(registrationId: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(ASSOCIATED_DATA_LABEL), registrationId]);
}
