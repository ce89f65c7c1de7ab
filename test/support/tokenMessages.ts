// Token messages as their clients make them, written from docs/protocol.md, and a store with users who exchange them.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { bindMasterKey, MasterKey } from '../../src/server/keyring/masterKey.ts';
import { UserKeyring } from '../../src/server/keyring/userKeys.ts';
import { createSpaceBudget } from '../../src/server/messages/byteBudget.ts';
import { type MessageLimits, type SendFields, TokenMessages } from '../../src/server/messages/tokenMessages.ts';
import { sweepTokenMessages } from '../../src/server/store/messageExpiry.ts';
import type { Store, Transaction } from '../../src/server/store/store.ts';

const derive = (token: Uint8Array, info: string) => Buffer.from(hkdfSync('sha256', token, 'vws token 1', info, 32));
const NONCE = Buffer.alloc(12);
const CONTEXT = Buffer.from('vws token body 1');

export const locatorOf = (token: Uint8Array) => derive(token, 'vws token locator');

/** Encrypts a text under a token. */
export function encryptBody(token: Uint8Array, text: string): Buffer {
  const content = Buffer.from(text);
  let size = 256;
  while (size < content.length + 21 && size < 65_536) size *= 2;
  if (size < content.length + 21) size = Math.ceil((content.length + 21) / 65_536) * 65_536;
  const padded = Buffer.alloc(size - 16);
  padded.writeUInt8(1);
  padded.writeUInt32BE(content.length, 1);
  padded.set(content, 5);
  const cipher = createCipheriv('aes-256-gcm', derive(token, 'vws token key'), NONCE).setAAD(CONTEXT);
  return Buffer.concat([cipher.update(padded), cipher.final(), cipher.getAuthTag()]);
}

/** @throws Error if the body belongs to another token */
export function decryptBody(token: Uint8Array, body: Uint8Array): string {
  const decipher = createDecipheriv('aes-256-gcm', derive(token, 'vws token key'), NONCE).setAAD(CONTEXT);
  decipher.setAuthTag(body.subarray(-16));
  const padded = Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]);
  return padded.toString('utf8', 5, 5 + padded.readUInt32BE(1));
}

/** The fields of a request to send a text. */
export function sendFields(
  token: Uint8Array,
  username: string,
  text: string,
  limits: Partial<SendFields> = {},
): SendFields {
  return {
    username,
    locator: locatorOf(token).toString('base64url'),
    body: encryptBody(token, text).toString('base64url'),
    expires_in: '',
    max_opens: '',
    receipt: 'yes',
    ...limits,
  };
}

export const DAY_MS = 24 * 60 * 60 * 1000;
export const IDLE_MS = 60 * 60 * 1000;
export const RECEIPT_MS = 30 * DAY_MS;

const LIMITS: MessageLimits = {
  defaultDays: 7,
  maxDays: 30,
  quotaCount: 1000,
  quotaBytes: 64 * 1024 * 1024,
  pairQuotaCount: 100,
};

export interface MessagesHarness {
  readonly store: Store;
  readonly keyring: UserKeyring;
  readonly rules: TokenMessages;
  readonly ids: Readonly<Record<string, Uint8Array>>;
  now(): number;
  advance(ms: number): void;
  run<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Sends a text, from ada to bob by default. */
  send(text: string, options?: Partial<SendFields> & { from?: string }): Promise<{ token: Buffer; id: string }>;
  open(user: string, token: Uint8Array, repeated?: boolean): Promise<string>;
  sweep(): Promise<void>;
}

export interface HarnessOptions {
  readonly names?: readonly string[];
  readonly limits?: Partial<MessageLimits>;
  /** Space for all messages. */
  readonly maxBytes?: number;
}

/** Adds users of these names to a store. */
export async function createMessagesHarness(
  store: Store,
  { names = ['ada', 'bob', 'eve'], limits = {}, maxBytes = 2 ** 40 }: HarnessOptions = {},
): Promise<MessagesHarness> {
  const masterKey = new MasterKey(new Uint8Array(32).fill(7));
  const keyring = new UserKeyring(masterKey);
  let now = Date.UTC(2026, 10, 24);
  await bindMasterKey(store, masterKey, now);
  const ids = Object.fromEntries(names.map((name) => [name, new Uint8Array(randomBytes(16))]));
  const idOf = (name: string) => ids[name] ?? new Uint8Array(16);
  await store.transaction(async (tx) => {
    for (const name of names) {
      const user = { user_id: idOf(name), username: name, username_key: name, email: name, email_key: name };
      await tx.db
        .insertInto('users')
        .values({ ...user, password_hash: '', created_at: 0 })
        .execute();
      await keyring.createKey(tx, idOf(name), now);
    }
  });
  const rules = new TokenMessages({
    keyring,
    findRecipient: async (_, name) => ids[name],
    limits: { ...LIMITS, ...limits },
    reserveSpace: createSpaceBudget(maxBytes, () => now),
    maxTextBytes: 1024 * 1024,
    sessionIdleMs: IDLE_MS,
    clock: () => now,
  });
  return {
    store,
    keyring,
    rules,
    ids,
    now: () => now,
    advance(ms) {
      now += ms;
    },
    run: (work) => runCommittingProblems(store, work),
    async send(text, { from = 'ada', ...fields } = {}) {
      const token = randomBytes(16);
      const { messageId } = await runCommittingProblems(store, (tx) =>
        rules.send(tx, idOf(from), { ...sendFields(token, 'bob', text), ...fields }),
      );
      return { token, id: messageId.toString('hex') };
    },
    async open(user, token, repeated = false) {
      const locator = locatorOf(token).toString('base64url');
      const { body } = await runCommittingProblems(store, (tx) => rules.open(tx, idOf(user), locator, repeated));
      return decryptBody(token, body);
    },
    async sweep() {
      await store.transaction((tx) => sweepTokenMessages(tx, { now, endsShownUntil: now - RECEIPT_MS }, 100));
    },
  };
}

/** Runs a rule like the exchange does: what it wrote before it threw stays written. */
async function runCommittingProblems<T>(store: Store, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const outcome = await store.transaction(async (tx) => {
    try {
      return { value: await work(tx) };
    } catch (error) {
      return { error };
    }
  });
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
