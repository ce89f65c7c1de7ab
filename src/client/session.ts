// A session: makes calls one at a time, each stored before it is sent and resent until there is a response.
import { VwsError } from './error.ts';
import type { Fields } from './fields.ts';
import type { CallOptions, Clock } from './options.ts';
import { retry } from './retry.ts';
import { type Call, type Outcome, type PendingRequest, RefusedError, type SessionState } from './suite.ts';
import { type TimeLimit, withTimeLimit } from './timeLimit.ts';
import type { Post } from './transport.ts';

interface SessionOptions {
  readonly state: SessionState;
  /** A request of an earlier run without a response. */
  readonly pending?: PendingRequest | undefined;
  readonly post: Post;
  readonly clock: Clock;
  /** Default of {@link CallOptions.deadline}. */
  readonly deadline: number | undefined;
  save(state: SessionState, pending?: PendingRequest): Promise<void>;
  /** Opens a new session with the same server. */
  renew(limit: TimeLimit, state: SessionState): Promise<SessionState>;
  /**
   * Receives the fields of a sent message, with its token, if its caller did not wait for them. If this rejects, the request
   * stays pending and the next call reports it again.
   */
  reportUnclaimed(fields: Fields): Promise<void>;
}

export class Session {
  readonly fingerprint: string;
  readonly #options: SessionOptions;
  #state: SessionState;
  #pending: PendingRequest | undefined;
  #lastCall: Promise<unknown> = Promise.resolve();

  constructor(options: SessionOptions) {
    this.fingerprint = options.state.fingerprint;
    this.#options = options;
    this.#state = options.state;
    this.#pending = options.pending;
  }

  /** Returns false if the server is known not to have the feature. */
  supports(feature: string): boolean {
    return this.#state.supports(feature);
  }

  /**
   * Makes a call after all earlier ones.
   *
   * @returns the fields of the response; if the call has a token, also `token`, which is that of the first attempt
   * @throws {VwsError}
   */
  call(call: Call, options: CallOptions = {}): Promise<Fields> {
    const { signal, deadline = this.#options.deadline } = options;
    return withTimeLimit({ signal, deadline }, this.#options.clock, async (limit) => {
      const earlier = this.#lastCall;
      const result = limit.race(earlier).then(() => this.#execute(limit, call));
      // Later calls wait for this one, and for earlier ones even if this one is aborted.
      this.#lastCall = Promise.allSettled([earlier, result]);
      const outcome = await result;
      if (outcome instanceof VwsError) throw outcome;
      return outcome;
    });
  }

  async #execute(limit: TimeLimit, call: Call): Promise<Outcome> {
    if (this.#pending) {
      const isSame = await this.#isSame(this.#pending, call);
      const outcome = await this.#resolve(limit, this.#pending, isSame);
      // A repeated call gets the result of the first.
      if (isSame) return outcome;
    }
    limit.signal.throwIfAborted();
    return this.#resolve(limit, await this.#prepare(limit, call));
  }

  async #isSame(pending: PendingRequest, call: Call): Promise<boolean> {
    return call.token ? call.token.digest === pending.token?.digest : this.#state.contains(pending, call);
  }

  async #prepare(limit: TimeLimit, call: Call): Promise<PendingRequest> {
    const { clock, renew, save } = this.#options;
    if (this.#state.isStale(clock.now())) this.#state = await renew(limit, this.#state);
    const sealed = await this.#state.seal(call, clock.now());
    const request = call.token ? { ...sealed, token: call.token } : sealed;
    await save(this.#state, request);
    this.#pending = request;
    return request;
  }

  /** Sends a request until there is a response, and moves to the next state. */
  async #resolve(limit: TimeLimit, request: PendingRequest, isClaimed = true): Promise<Outcome> {
    const { post, save, reportUnclaimed } = this.#options;
    const { next, outcome } = await retry(limit, async () =>
      this.#state.open(request, await post(request.path, request.body, limit)),
    ).catch((thrown) => {
      if (thrown instanceof RefusedError) return { next: this.#state, outcome: thrown.error };
      throw thrown;
    });
    const sent = request.token && !(outcome instanceof VwsError) && { ...outcome, token: request.token.value };
    if (sent && !isClaimed) await reportUnclaimed(sent);
    this.#state = next;
    this.#pending = undefined;
    // Not critical: restoring the stored request would resend it and get the same response.
    await save(next).catch(() => {});
    return sent || outcome;
  }
}
