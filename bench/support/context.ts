import type { Rounds } from './rounds.ts';

/** How much is to be measured, and where. */
export interface Context extends Rounds {
  readonly quick: boolean;
  /** The processors for what is measured; undefined where processes cannot be pinned. */
  readonly processors: readonly string[] | undefined;
  /** Requests after which the memory is looked at. */
  readonly memoryRequests: number;
  /** A PostgreSQL server on which databases can be made, if there is one. */
  readonly postgresUrl: string | undefined;
}
