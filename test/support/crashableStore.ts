// Simulates the crash of a process at the level of its store.
import type { Store } from '../../src/server/store/store.ts';

/** Crash after this many committed transactions, or during the next one. */
export interface CrashPoint {
  readonly transactions: number;
  readonly during: boolean;
}

/** A store whose process can crash at any point. */
export interface CrashableStore extends Store {
  readonly crashed: boolean;
  /** Crashes the process at a point, or when `end` is called earlier. `ended` resolves after the crash. */
  crashAt(point: CrashPoint): { readonly ended: Promise<void>; end(): void };
}

/**
 * After the crash no promise settles, as in a process that has ended.
 *
 * @param save copies the database for the next start; later writes are lost
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
    truncateLog: () => store.truncateLog(),
    close: () => store.close(),
  };
}
