import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { claimRequest, releaseClaim, renewClaim } from '../store/requestClaims.ts';
import type { Row } from '../store/schema.ts';
import type { Store, Transaction } from '../store/store.ts';

/** How long a claim holds if its owner vanishes: so long, after a crash, a client waits that sends its request again. */
export const CLAIM_LEASE = 3_000;
/** How often an owner that is still at work renews its lease. */
export const RENEWAL_INTERVAL = 1_000;
/** How often the claim of another process is looked at again. */
const POLL_INTERVAL = 25;
const TOKEN_LENGTH = 16;

export type Claim = Row<'request_claims'>;

/** Makes copies of a request that take long to prepare wait for the first of them. */
export interface Claims {
  /** @returns the claim, or undefined if another copy of the request is being executed */
  take(transaction: Transaction, stepId: Uint8Array, requestHash: Uint8Array): Promise<Claim | undefined>;
  /** To be called once the taking of the claim is durable: renews it from now on, and lets copies wait for its end. */
  begin(claim: Claim): void;
  /** Waits until the request may be free. */
  wait(requestHash: Uint8Array): Promise<void>;
  /** Gives a claim back as part of a transaction. @returns false if it was lost, so that another copy goes on */
  release(transaction: Transaction, claim: Claim): Promise<boolean>;
  /** Ends a claim that came to nothing and wakes those who wait in this process; it may have been released before. */
  end(claim: Claim): Promise<void>;
  /** Wakes those who wait in this process. */
  wake(claim: Claim): void;
}

export function createClaims(store: Store, clock: () => number): Claims {
  const held = new Map<string, { claim: Claim; done: PromiseWithResolvers<void>; renewal: NodeJS.Timeout }>();
  const nameOf = (requestHash: Uint8Array) => Buffer.from(requestHash).toString('hex');

  function drop(name: string): void {
    const entry = held.get(name);
    if (!entry) return;
    clearInterval(entry.renewal);
    held.delete(name);
    entry.done.resolve();
  }

  function wake(claim: Claim): void {
    const name = nameOf(claim.request_hash);
    // Whoever lost the claim has nothing to say of the one who took over.
    if (held.get(name)?.claim === claim) drop(name);
  }

  async function renew(claim: Claim): Promise<void> {
    try {
      await store.transaction((tx) => renewClaim(tx, claim, clock() + CLAIM_LEASE));
    } catch {
      // The database is away; if it stays so, the claim is lost, which release() finds out.
    }
  }

  return {
    async take(tx, stepId, requestHash) {
      const now = clock();
      const claim: Claim = {
        step_id: stepId,
        request_hash: requestHash,
        claim_token: randomBytes(TOKEN_LENGTH),
        lease_until: now + CLAIM_LEASE,
      };
      return (await claimRequest(tx, claim, now)) ? claim : undefined;
    },
    begin(claim) {
      const name = nameOf(claim.request_hash);
      drop(name);
      const renewal = setInterval(() => renew(claim), RENEWAL_INTERVAL).unref();
      held.set(name, { claim, done: Promise.withResolvers<void>(), renewal });
    },
    async wait(requestHash) {
      await (held.get(nameOf(requestHash))?.done.promise ?? delay(POLL_INTERVAL));
    },
    release: (tx, claim) => releaseClaim(tx, claim),
    wake,
    async end(claim) {
      try {
        await store.transaction((tx) => releaseClaim(tx, claim));
      } catch {
        // The database is away. The lease ends by itself.
      } finally {
        wake(claim);
      }
    },
  };
}
