// A semaphore with a bounded queue that is fair between addresses.
import { Problem } from '../../protocol/problems.ts';

const RETRY_AFTER_SECONDS = 2;
/** Maximum time in the queue: by then, many clients have given up. */
export const MAX_WAIT_MS = 5_000;
/** Then other work gets a turn: clients with an account of their own must not stop all others. */
const MAX_PREFERRED_IN_ROW = 3;

/** The place of a piece of work in the queue. */
export interface QueuePlace {
  /** Whose work it is: an address. */
  readonly lane: string;
  /** Goes before work that is not, except at every fourth turn. */
  readonly isPreferred: boolean;
}

interface Waiting {
  readonly place: QueuePlace;
  readonly start: () => void;
  readonly reject: () => void;
  timer?: NodeJS.Timeout;
}

/**
 * Runs a bounded number of pieces of work at once; a bounded number of others waits. The lanes take turns, preferred work
 * first. When the queue is full, the longest lane loses its last entry to a shorter one, and other work to the first preferred work of an address.
 */
export class Semaphore {
  readonly #concurrency: number;
  readonly #queueLimit: number;
  readonly #preferred = new Lanes();
  readonly #others = new Lanes();
  #running = 0;
  #preferredInRow = 0;

  constructor(concurrency: number, queueLimit: number) {
    this.#concurrency = concurrency;
    this.#queueLimit = queueLimit;
  }

  /** @throws Problem `overloaded` if the queue is full, or after {@link MAX_WAIT_MS} in it */
  async run<T>(work: () => Promise<T>, place: QueuePlace): Promise<T> {
    if (this.#running < this.#concurrency) this.#running += 1;
    else await this.#waitForSlot(place);
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  #waitForSlot(place: QueuePlace): Promise<void> {
    const lanes = place.isPreferred ? this.#preferred : this.#others;
    if (this.#preferred.size + this.#others.size >= this.#queueLimit) this.#makeRoom(place, lanes);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { place, start: resolve, reject: () => reject(overloaded()) };
      waiting.timer = setTimeout(() => {
        lanes.remove(waiting);
        waiting.reject();
      }, MAX_WAIT_MS);
      lanes.add(waiting);
    });
  }

  /** @throws Problem `overloaded` if nothing that waits has to give way */
  #makeRoom(place: QueuePlace, lanes: Lanes): void {
    const preferred = this.#preferred.longest();
    const others = this.#others.longest();
    const ownLength = lanes.lengthOf(place.lane);
    const isFair = Math.max(preferred.length, others.length) <= ownLength + 1;
    const isFirstPreferred = place.isPreferred && ownLength === 0;
    if (isFair && !(isFirstPreferred && others.length > 0)) throw overloaded();
    const last = (isFair || others.length >= preferred.length ? others : preferred).at(-1) as Waiting;
    (last.place.isPreferred ? this.#preferred : this.#others).remove(last);
    last.reject();
  }

  /** Passes the slot on without freeing it while others wait, so that new calls cannot jump the queue. */
  #release(): void {
    const next = this.#takeNext();
    if (next) next.start();
    else this.#running -= 1;
  }

  #takeNext(): Waiting | undefined {
    if (this.#preferredInRow >= MAX_PREFERRED_IN_ROW) this.#preferredInRow = 0;
    else {
      const next = this.#preferred.take();
      this.#preferredInRow = next ? this.#preferredInRow + 1 : 0;
      if (next) return next;
    }
    return this.#others.take() ?? this.#preferred.take();
  }
}

/** Entries by lane; the lanes take turns. */
class Lanes {
  readonly #lanes = new Map<string, Waiting[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  lengthOf(lane: string): number {
    return this.#lanes.get(lane)?.length ?? 0;
  }

  longest(): readonly Waiting[] {
    let longest: readonly Waiting[] = [];
    for (const entries of this.#lanes.values()) if (entries.length > longest.length) longest = entries;
    return longest;
  }

  add(waiting: Waiting): void {
    const entries = this.#lanes.get(waiting.place.lane);
    if (entries) entries.push(waiting);
    else this.#lanes.set(waiting.place.lane, [waiting]);
    this.#size += 1;
  }

  /** Removes an entry that is waiting. */
  remove(waiting: Waiting): void {
    const { lane } = waiting.place;
    const entries = this.#lanes.get(lane) ?? [];
    entries.splice(entries.indexOf(waiting), 1);
    if (entries.length === 0) this.#lanes.delete(lane);
    this.#size -= 1;
    clearTimeout(waiting.timer);
  }

  /** Removes the first entry of the lane whose turn it is. */
  take(): Waiting | undefined {
    const [turn] = this.#lanes;
    const first = turn?.[1][0];
    if (!turn || !first) return undefined;
    this.remove(first);
    // The lane goes to the end of the order.
    const [lane, entries] = turn;
    if (this.#lanes.delete(lane)) this.#lanes.set(lane, entries);
    return first;
  }
}

function overloaded(): Problem {
  return new Problem('overloaded', { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
