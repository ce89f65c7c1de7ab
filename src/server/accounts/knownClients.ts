/** Known clients of accounts: devices with a token, and networks. Their attempts are counted apart from those of strangers. */
import { randomBytes } from 'node:crypto';
import { SUITE2 } from '../../protocol/suite2.ts';
import { hmac } from '../crypto/derive.ts';
import { deleteKnownClients, findKnownClients, saveKnownClient } from '../store/knownClients.ts';
import type { Transaction } from '../store/store.ts';
import { findUserByEmail, type User } from '../store/users.ts';
import { foldEmail } from './email.ts';

/*
 * The idea is that of device cookies: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies.
 * Clients of suite 1 cannot hold a token, so that the network from which an account was used takes its place.
 */

/** Time without a login after which a client is forgotten. */
export const KNOWN_CLIENT_LIFETIME_MS = 180 * 24 * 60 * 60 * 1000;
/** Networks, and tokens, of one user that are known at once. */
export const MAX_KNOWN_CLIENTS = 20;
const TOKEN_LENGTH = 32;
/** 43 characters of base64url. */
const TOKEN_FORMAT = /^[\w-]{43}$/;
const KIND = { network: 1, token: 2 };

/** A client, as its request describes it. */
export interface ClientInfo {
  /** Subject of the limits per address. */
  readonly address: string;
  /** Number of the suite of its session. */
  readonly suite: number;
  /** As received. */
  readonly deviceToken?: string | undefined;
  /** @returns false if an earlier execution of its request counted the attempt */
  readonly claimAttempt?: ((transaction: Transaction) => Promise<boolean>) | undefined;
}

/** The subjects under which the attempts of a client at one account are counted. */
export interface AttemptSubjects {
  /** The device, or the account and network. */
  readonly client: Uint8Array;
  /** All clients that share the account's higher limit: the client alone if it is known, otherwise the account. */
  readonly group: Uint8Array;
  readonly isKnown: boolean;
  /** Takes the place of the address in limits per address: a device token is not limited by what others do at its address. */
  readonly origin: string | Uint8Array;
}

/** The clients that logged in to accounts. A stranger cannot use up the attempts of a known client. */
export class KnownClients {
  readonly #key: Uint8Array;
  readonly #networkOf: (address: string) => string;
  readonly #clock: () => number;

  /**
   * @param key 32 bytes
   * @param networkOf maps the subject of an address to that of its network
   */
  constructor(key: Uint8Array, networkOf: (address: string) => string, clock: () => number) {
    this.#key = key;
    this.#networkOf = networkOf;
    this.#clock = clock;
  }

  /**
   * Determines how the attempts of a client are counted. Takes the same time for unknown addresses.
   *
   * @param emailKey the folded address; there need not be an account
   */
  async identify(
    transaction: Transaction,
    emailKey: string,
    user: User | undefined,
    info: ClientInfo,
  ): Promise<AttemptSubjects> {
    const token = this.#hashToken(info.deviceToken);
    const network = this.#hashNetwork(user?.user_id ?? this.#hash('no user', emailKey), info.address);
    const hashes = token ? [network, token] : [network];
    const found = await findKnownClients(transaction, hashes, this.#clock() - KNOWN_CLIENT_LIFETIME_MS);
    const isOwn = (kind: number) =>
      found.some((row) => row.kind === kind && user !== undefined && Buffer.compare(row.user_id, user.user_id) === 0);
    if (token && isOwn(KIND.token)) return { client: token, group: token, isKnown: true, origin: token };
    const client = this.#hash('network', `${this.#networkOf(info.address)}\0${emailKey}`);
    const isKnown = isOwn(KIND.network);
    return { client, group: isKnown ? client : this.#hash('account', emailKey), isKnown, origin: info.address };
  }

  /**
   * Returns the subject of limits per address: a device token of the account has its own, others have that of their address.
   *
   * @param email as typed; there need not be an account
   */
  async limitSubject(transaction: Transaction, email: string, info: ClientInfo): Promise<string> {
    const token = this.#hashToken(info.deviceToken);
    if (!token) return info.address;
    const user = await findUserByEmail(transaction, foldEmail(email));
    const isValid = await this.hasToken(transaction, user, info.deviceToken);
    return isValid ? `device ${Buffer.from(token).toString('hex')}` : info.address;
  }

  /** Reports whether a device token belongs to a user. Takes the same time if there is no user. */
  async hasToken(transaction: Transaction, user: User | undefined, deviceToken: string | undefined): Promise<boolean> {
    const token = this.#hashToken(deviceToken);
    if (!token) return false;
    const found = await findKnownClients(transaction, [token], this.#clock() - KNOWN_CLIENT_LIFETIME_MS);
    return found.some(({ user_id }) => user !== undefined && Buffer.compare(user_id, user.user_id) === 0);
  }

  /** Reports whether a login comes from a device without a token or, in suite 1, from a network that is not known. */
  async isNew(transaction: Transaction, user: User, info: ClientInfo): Promise<boolean> {
    if (info.suite >= SUITE2) return !(await this.hasToken(transaction, user, info.deviceToken));
    const network = this.#hashNetwork(user.user_id, info.address);
    return (await findKnownClients(transaction, [network], this.#clock() - KNOWN_CLIENT_LIFETIME_MS)).length === 0;
  }

  /**
   * Remembers a client that proved to belong to a user.
   *
   * @returns in suite 2, the device token for the client to keep: the one it sent, if that is valid
   */
  async remember(transaction: Transaction, user: User, info: ClientInfo): Promise<string | undefined> {
    await this.rememberNetwork(transaction, user.user_id, info.address);
    if (info.suite < SUITE2) return undefined;
    const isValid = await this.hasToken(transaction, user, info.deviceToken);
    const deviceToken = (isValid && info.deviceToken) || randomBytes(TOKEN_LENGTH).toString('base64url');
    await this.#save(transaction, user.user_id, KIND.token, this.#hash('token', deviceToken));
    return deviceToken;
  }

  async rememberNetwork(transaction: Transaction, userId: Uint8Array, address: string): Promise<void> {
    await this.#save(transaction, userId, KIND.network, this.#hashNetwork(userId, address));
  }

  /** Forgets all clients of a user except the network that set a new password: an attacker's may be among them. */
  async forgetOthers(transaction: Transaction, userId: Uint8Array, address: string): Promise<void> {
    await deleteKnownClients(transaction, userId);
    await this.rememberNetwork(transaction, userId, address);
  }

  async #save(tx: Transaction, userId: Uint8Array, kind: number, hash: Uint8Array): Promise<void> {
    const row = { client_hash: hash, user_id: userId, kind, last_used_at: this.#clock() };
    await saveKnownClient(tx, row, MAX_KNOWN_CLIENTS);
  }

  #hashToken(deviceToken: string | undefined): Uint8Array | undefined {
    return deviceToken !== undefined && TOKEN_FORMAT.test(deviceToken) ? this.#hash('token', deviceToken) : undefined;
  }

  #hashNetwork(userId: Uint8Array, address: string): Uint8Array {
    return this.#hash(`network of user\0${this.#networkOf(address)}`, userId);
  }

  #hash(label: string, value: string | Uint8Array): Uint8Array {
    return hmac(this.#key, `${label}\0`, value);
  }
}
