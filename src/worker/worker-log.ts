/** One store as its worker has it: the log itself, and what runs its shards in turns, whether they are replicas or alone. */
import type { Store } from "../log/store.js";
import type { TurnStore } from "./turn-store.js";

/** A store, and its part in turns. */
export interface WorkerLog {
  readonly store: Store;
  readonly turns: TurnStore & { readonly wantsTurnIn: number };
}
