// The memory that all request bodies of the process may use together.

/** Part of the budget that one request uses. */
export interface BodyShare {
  /** Subject of the limits per address. */
  readonly address: string;
  /** True if the request names a session that exists. */
  isVerified: boolean;
  bytes: number;
}

/** Share of the memory for requests whose session is unknown so far: all of them together, and those of one address. */
const UNVERIFIED_PART = 1 / 2;
const ADDRESS_PART = 1 / 8;

/**
 * Limits the memory of request bodies. Bodies whose session is not known yet get only a part of it, and one address only a
 * part of that, so that strangers cannot use up the memory of clients with a session.
 */
export class BodyBudget {
  readonly #max: number;
  readonly #maxUnverified: number;
  readonly #maxPerAddress: number;
  #used = 0;
  #unverified = 0;
  readonly #byAddress = new Map<string, number>();

  /**
   * @param maxBytes memory for all bodies
   * @param longestBody bytes of the longest body; two of them are accepted even if they exceed a part or the whole
   */
  constructor(maxBytes: number, longestBody: number) {
    // A body that grows occupies up to twice its length.
    const floor = 2 * longestBody;
    this.#max = Math.max(maxBytes, 2 * floor);
    this.#maxUnverified = Math.max(this.#max * UNVERIFIED_PART, floor);
    this.#maxPerAddress = Math.max(this.#max * ADDRESS_PART, floor);
  }

  /** Number of bytes in use. */
  get used(): number {
    return this.#used;
  }

  /** @returns false if the memory is used up; the share is then unchanged */
  reserve(share: BodyShare, bytes: number): boolean {
    if (this.#used + bytes > this.#max) return false;
    if (!share.isVerified) {
      const ofAddress = (this.#byAddress.get(share.address) ?? 0) + bytes;
      if (this.#unverified + bytes > this.#maxUnverified || ofAddress > this.#maxPerAddress) return false;
      this.#unverified += bytes;
      this.#byAddress.set(share.address, ofAddress);
    }
    this.#used += bytes;
    share.bytes += bytes;
    return true;
  }

  /** Marks the session of a request as existing: the limits for unknown ones no longer apply. */
  verify(share: BodyShare): void {
    this.#removeUnverified(share);
    share.isVerified = true;
  }

  /** Returns the memory of a share. */
  release(share: BodyShare): void {
    this.#removeUnverified(share);
    this.#used -= share.bytes;
    share.bytes = 0;
  }

  #removeUnverified({ address, isVerified, bytes }: BodyShare): void {
    if (isVerified || bytes === 0) return;
    this.#unverified -= bytes;
    const rest = (this.#byAddress.get(address) ?? 0) - bytes;
    if (rest > 0) this.#byAddress.set(address, rest);
    else this.#byAddress.delete(address);
  }
}
