// Reserves the skeletons of names from before skeletons were stored, or from an earlier version running next to this one.
import { claimFreeSkeletons, findUsersWithoutSkeleton } from '../store/formerNames.ts';
import type { Store } from '../store/store.ts';
import { skeletonsOf } from './confusables.ts';

const USERS_PER_TRANSACTION = 200;

/** Of two existing names that look alike, both keep working; one has the skeleton. */
export async function claimEarlierNames(store: Store): Promise<void> {
  let last: Uint8Array | undefined = new Uint8Array();
  while (last) {
    const after: Uint8Array = last;
    last = await store.transaction(async (tx) => {
      const users = await findUsersWithoutSkeleton(tx, after, USERS_PER_TRANSACTION);
      const rows = users.flatMap(({ user_id, username, username_key }) =>
        skeletonsOf(username, username_key).map((skeleton) => ({ skeleton, user_id })),
      );
      if (rows.length > 0) await claimFreeSkeletons(tx, rows);
      return users.at(-1)?.user_id;
    });
  }
}
