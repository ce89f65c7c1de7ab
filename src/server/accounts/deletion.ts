/** Deleting an account: what is deleted, and what stays. */
import { Problem } from '../../protocol/problems.ts';
import { retainName } from '../store/formerNames.ts';
import type { Store, Transaction } from '../store/store.ts';
import { forgetUserOfSession } from '../store/userSessions.ts';
import { deleteUser, findUserById } from '../store/users.ts';
import type { EndOtherSessions } from './accounts.ts';
import type { Credentials, VerifiedPassword } from './credentials.ts';
import type { ClientInfo } from './knownClients.ts';
import { checkPasswordFormat } from './passwordPolicy.ts';
import { foldUsername } from './username.ts';

export interface DeletionDependencies {
  readonly store: Store;
  readonly credentials: Pick<Credentials, 'verify' | 'confirm' | 'unlock'>;
  readonly endOtherSessions: EndOtherSessions;
  readonly clock: () => number;
}

/**
 * Deletes the user with keys, sessions and recoveries: messages written to the user can never be decrypted again. The name is
 * never given to another user, who would otherwise receive what others still write to it.
 */
export class AccountDeletion {
  readonly #store: Store;
  readonly #credentials: DeletionDependencies['credentials'];
  readonly #endOtherSessions: EndOtherSessions;
  readonly #clock: () => number;

  constructor({ store, credentials, endOtherSessions, clock }: DeletionDependencies) {
    this.#store = store;
    this.#credentials = credentials;
    this.#endOtherSessions = endOtherSessions;
    this.#clock = clock;
  }

  /**
   * @param username typed by the user as a confirmation, in any spelling that folds to it
   * @throws Problem `username_mismatch`, `password_refused`, `invalid_credentials`, `account_locked`, `overloaded`
   */
  async prepare(userId: Uint8Array, username: string, password: string, client: ClientInfo): Promise<VerifiedPassword> {
    checkPasswordFormat(password);
    const user = await this.#store.transaction((tx) => findUserById(tx, userId));
    if (!user) throw new Problem('not_authenticated');
    if (foldUsername(username) !== user.username_key) throw new Problem('username_mismatch');
    return this.#credentials.verify(user.email_key, password, client, { isLoggedIn: true });
  }

  /**
   * Deletes the account. The session of the request continues without a user, so that its client gets the response.
   *
   * @throws Problem `invalid_credentials`
   */
  async execute(tx: Transaction, sessionId: Uint8Array, verified: VerifiedPassword, client: ClientInfo): Promise<void> {
    const user = await this.#credentials.confirm(tx, verified);
    await this.#endOtherSessions(tx, user.user_id, sessionId);
    // Otherwise the steps of this session would be deleted with the user.
    await forgetUserOfSession(tx, sessionId);
    // Of this client only: strangers would notice the end of their own lock, and learn that the account is gone.
    await this.#credentials.unlock(tx, user, client);
    await retainName(tx, user, this.#clock());
    await deleteUser(tx, user.user_id);
  }
}
