import { type Budget, withBudget } from './budget.ts';
import { VwsError } from './error.ts';
import type { CallOptions, Clock } from './options.ts';
import { retry } from './retry.ts';
import { type Call, type Outcome, type PendingRequest, Refused, type Step } from './suite.ts';
import type { Post } from './transport.ts';

/** What a session is made of. */
export interface SessionParts {
  readonly step: Step;
  /** A request of an earlier run that got no answer. */
  readonly pending?: PendingRequest | undefined;
  readonly post: Post;
  readonly clock: Clock;
  /** Milliseconds that a call may take which does not say otherwise. */
  readonly deadline: number | undefined;
  save(step: Step, pending?: PendingRequest): Promise<void>;
  /** Opens a session with the same server anew. */
  renew(budget: Budget, step: Step): Promise<Step>;
}

/** Makes calls, one at a time. */
export interface Session {
  readonly fingerprint: string;
  /** @throws {VwsError} */
  call(call: Call, options?: CallOptions): Promise<Readonly<Record<string, unknown>>>;
}

/**
 * The state machine of a client: a request is recorded, then sent until an authentic answer leads to the next step; no
 * other request is built before.
 */
export function createSession({ post, clock, deadline, save, renew, ...parts }: SessionParts): Session {
  let { step, pending } = parts;
  let last: Promise<unknown> = Promise.resolve();

  async function settle(budget: Budget, request: PendingRequest): Promise<Outcome> {
    const { next, outcome } = await retry(budget, async () =>
      step.open(request, await post(request.path, request.body, budget)),
    ).catch((thrown) => {
      if (thrown instanceof Refused) return { next: step, outcome: thrown.error };
      throw thrown;
    });
    step = next;
    pending = undefined;
    // Whoever restores what is saved now sends the request again and gets the same answer: nothing is lost.
    await save(step).catch(() => {});
    return outcome;
  }

  async function prepare(budget: Budget, call: Call): Promise<PendingRequest> {
    if (step.isStale(clock.now())) step = await renew(budget, step);
    const request = await step.seal(call, clock.now());
    await save(step, request);
    pending = request;
    return request;
  }

  async function execute(budget: Budget, call: Call): Promise<Outcome> {
    if (pending) {
      const isSame = await step.asks(call, pending);
      const outcome = await settle(budget, pending);
      // A call that is made again asks what became of the first.
      if (isSame) return outcome;
    }
    budget.signal.throwIfAborted();
    return settle(budget, await prepare(budget, call));
  }

  return {
    fingerprint: step.fingerprint,
    call: (call, options) =>
      withBudget({ signal: options?.signal, deadline: options?.deadline ?? deadline }, clock, async (budget) => {
        const earlier = last;
        const turn = budget.race(earlier);
        const result = turn.then(() => execute(budget, call));
        // The next one waits for this one, and for those before it even if this one gave up.
        last = Promise.allSettled([earlier, result]);
        const outcome = await result;
        if (outcome instanceof VwsError) throw outcome;
        return outcome;
      }),
  };
}
