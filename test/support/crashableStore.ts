import type { Store } from '../../src/server/store/store.ts';

/** When a process ends: as soon as it has committed so many transactions, or while it is at the one after them. */
export interface CrashPoint {
  readonly transactions: number;
  readonly during: boolean;
}

/** A store whose process can end in the middle of its work, without a chance to finish anything. */
export interface CrashableStore extends Store {
  readonly crashed: boolean;
  /** Lets the process end at a point, or when `end` is called before that. Resolves when it has ended. */
  crashAt(point: CrashPoint): { readonly ended: Promise<void>; end(): void };
}

/**
 * After the crash nothing resolves any more, as if nobody were there.
 *
 * @param save keeps the database as it is in this moment, for the next start: what comes later never happened
 */
export function createCrashableStore(store: Store, save: () => void): CrashableStore {
  let crashed = false;
  let onTransaction: (moment: 'begun' | 'committed') => void = () => {};

  function crash(): void {
    if (crashed) return;
    crashed = true;
    save();
  }

  function refuseIfCrashed(): void {
    if (crashed) throw new Error('this process has ended');
  }

  return {
    engine: store.engine,
    location: store.location,
    get crashed() {
      return crashed;
    },
    crashAt({ transactions, during }) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = () => {
        crash();
        resolve();
      };
      let left = transactions;
      onTransaction = (moment) => {
        if (moment === 'committed') left -= 1;
        if (left <= 0 && (moment === 'begun') === during) end();
      };
      return { ended: promise, end };
    },
    transaction(work) {
      return new Promise((resolve, reject) => {
        if (crashed) return;
        const transaction = store.transaction(async (tx) => {
          refuseIfCrashed();
          onTransaction('begun');
          refuseIfCrashed();
          tx.afterCommit(() => onTransaction('committed'));
          return work(tx);
        });
        transaction.then(
          (value) => crashed || resolve(value),
          (error) => crashed || reject(error),
        );
      });
    },
    close: () => store.close(),
  };
}
