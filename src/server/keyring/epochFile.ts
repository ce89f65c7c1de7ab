// The epoch file: the keys of the current and the previous epoch, which exist nowhere else.
import { hash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { KEY_LENGTH } from '../crypto/aead.ts';
import { randomBytes } from '../crypto/random.ts';

/*
 * Two slots, each at the start of a block of its own, because a crash may destroy the block that is being written:
 *
 *   check (16) ‖ number (8) ‖ created at (8, milliseconds) ‖ key (32) ‖ in use (1)
 *
 * check = SHA-256(number ‖ created at ‖ key), truncated; its first 8 bytes identify the epoch. A slot whose check does not match
 * is free. A slot is overwritten in place, so that a key that was destroyed is in no other block.
 */
const BLOCK_LENGTH = 4096;
const CHECK_LENGTH = 16;
const ID_LENGTH = 8;
const NUMBER_OFFSET = CHECK_LENGTH;
const TIME_OFFSET = NUMBER_OFFSET + 8;
const KEY_OFFSET = TIME_OFFSET + 8;
const IN_USE_OFFSET = KEY_OFFSET + KEY_LENGTH;
const SLOT_LENGTH = IN_USE_OFFSET + 1;
const SLOTS = [0, 1] as const;

/** The key of an epoch. */
export interface Epoch {
  /** 8 bytes, stored with what the key encrypts. */
  readonly id: Uint8Array<ArrayBuffer>;
  readonly key: Uint8Array;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** The keys in the file. */
export interface Epochs {
  /** Encrypts. */
  readonly current: Epoch;
  /** Decrypts what is not yet encrypted again under the current key. */
  readonly previous?: Epoch;
  /** A crash interrupted its creation; it is the next one. */
  readonly unfinished?: Epoch;
}

interface Slot extends Epoch {
  readonly index: number;
  readonly number: number;
  readonly inUse: boolean;
}

/** The file of one or more processes with one database. Writing needs mutual exclusion: see epochRotation.ts. */
export class EpochFile {
  readonly #path: string;
  readonly #file: number;
  readonly #bytes = Buffer.alloc(BLOCK_LENGTH + SLOT_LENGTH);
  #read = Buffer.alloc(0);
  #slots: readonly Slot[] = [];
  #epochs: Epochs | undefined;

  /** Opens the file; creates it (mode 0600) with a first key if it does not exist. */
  constructor(path: string, now: number) {
    if (!existsSync(path)) createFile(path, now);
    this.#path = path;
    this.#file = openSync(path, 'r+');
  }

  /**
   * Reads the keys, as fast as every request needs them.
   *
   * @throws Error if the file contains no key
   */
  read(): Epochs {
    readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0);
    if (this.#epochs && this.#bytes.equals(this.#read)) return this.#epochs;
    this.#read = Buffer.from(this.#bytes);
    this.#slots = SLOTS.flatMap((index) => parseSlot(this.#read, index) ?? []);
    const [current] = this.#slots.filter(({ inUse }) => inUse).sort((a, b) => b.number - a.number);
    if (!current) {
      throw new Error(
        `The epoch file ${this.#path} is damaged. Remove it and start again: open sessions end, nothing else is lost`,
      );
    }
    const other = this.#slots.find((slot) => slot !== current);
    const role = other && other.number > current.number ? 'unfinished' : 'previous';
    this.#epochs = { current, ...(other && { [role]: other }) };
    return this.#epochs;
  }

  /** Finds the key of an epoch, and reads the file only if it is not known. */
  find(id: Uint8Array): Epoch | undefined {
    const isWanted = (slot: Slot) => Buffer.compare(slot.id, id) === 0;
    const known = this.#slots.find(isWanted);
    if (known) return known;
    this.read();
    return this.#slots.find(isWanted);
  }

  /** Begins an epoch: its key is durable before it is used. Does nothing while the previous key is needed. */
  begin(now: number): void {
    const { previous, unfinished } = this.read();
    if (previous) return;
    const current = this.#slots.find(({ inUse }) => inUse) as Slot;
    const index = 1 - current.index;
    const slot = unfinished ? undefined : formatSlot(current.number + 1, now);
    if (slot) this.#write(slot, index * BLOCK_LENGTH);
    this.#write(Buffer.of(1), index * BLOCK_LENGTH + IN_USE_OFFSET);
  }

  /** Destroys the previous key, if `current` is still the current one. */
  destroyPrevious(current: Uint8Array): void {
    const epochs = this.read();
    if (!epochs.previous || Buffer.compare(epochs.current.id, current) !== 0) return;
    const { index } = epochs.previous as Slot;
    this.#write(Buffer.alloc(SLOT_LENGTH), index * BLOCK_LENGTH);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(bytes: Uint8Array, position: number): void {
    writeSync(this.#file, bytes, 0, bytes.length, position);
    fsyncSync(this.#file);
  }
}

/** The file gets its name when it is complete. Another process may create it at the same time. */
function createFile(path: string, now: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    const bytes = Buffer.alloc(2 * BLOCK_LENGTH);
    bytes.set(formatSlot(1, now));
    bytes[IN_USE_OFFSET] = 1;
    writeSync(file, bytes);
    fsyncSync(file);
    linkSync(draft, path);
    syncFolder(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    closeSync(file);
    unlinkSync(draft);
  }
}

function syncFolder(path: string): void {
  let folder: number;
  try {
    folder = openSync(path, 'r');
  } catch {
    // Windows cannot open folders.
    return;
  }
  fsyncSync(folder);
  closeSync(folder);
}

function formatSlot(number: number, now: number): Buffer {
  const slot = Buffer.alloc(SLOT_LENGTH);
  slot.writeBigUInt64BE(BigInt(number), NUMBER_OFFSET);
  slot.writeBigUInt64BE(BigInt(now), TIME_OFFSET);
  slot.set(randomBytes(KEY_LENGTH), KEY_OFFSET);
  slot.set(checkOf(slot));
  return slot;
}

function parseSlot(bytes: Buffer, index: number): Slot | undefined {
  const slot = bytes.subarray(index * BLOCK_LENGTH, index * BLOCK_LENGTH + SLOT_LENGTH);
  const check = checkOf(slot);
  if (!check.equals(slot.subarray(0, CHECK_LENGTH))) return undefined;
  return {
    index,
    id: check.subarray(0, ID_LENGTH),
    number: Number(slot.readBigUInt64BE(NUMBER_OFFSET)),
    createdAt: Number(slot.readBigUInt64BE(TIME_OFFSET)),
    key: slot.subarray(KEY_OFFSET, IN_USE_OFFSET),
    inUse: slot[IN_USE_OFFSET] === 1,
  };
}

function checkOf(slot: Buffer): Buffer<ArrayBuffer> {
  return hash('sha256', slot.subarray(CHECK_LENGTH, IN_USE_OFFSET), 'buffer').subarray(
    0,
    CHECK_LENGTH,
  ) as Buffer<ArrayBuffer>;
}
