/** All stores of a worker, opened and read: of shards that are alone on this node, or of replicas. */
import type { RecoverParts } from "./recover.js";
import { recoverStore } from "./recover.js";
import { recoverReplicas } from "./recover-replicas.js";
import type { ReplicaStore } from "./replica-store.js";
import type { ShardStore } from "./shard-store.js";
import type { Surroundings } from "./surroundings.js";
import type { WorkerLog } from "./worker-log.js";

/** What a worker is built of. */
export interface Recovered {
  readonly logs: readonly WorkerLog[];
  readonly surroundings: Surroundings;
  /** Those of shards that are alone: their logs are read by watches. */
  readonly alone: readonly ShardStore[];
  readonly replicated: readonly ReplicaStore[];
  /** The round of the turn under way; whoever counts rounds is made of the stores, and says so here. */
  readonly round: { count: () => number };
}

/** Opens the stores one after the other. @throws StoreFault if one can't be used; those that are open are closed then */
export async function recoverAll(parts: RecoverParts & { readonly surroundings: Surroundings }): Promise<Recovered> {
  const { options, surroundings } = parts;
  const round = { count: (): number => 0 };
  const logs: WorkerLog[] = [];
  const alone: ShardStore[] = [];
  const replicated: ReplicaStore[] = [];
  try {
    for (const from of options.stores) {
      if (options.cluster === null) {
        const store = await recoverStore(parts, from);
        alone.push(store);
        logs.push({ store: store.store, turns: store });
        continue;
      }
      const { node, replication: settings } = options.cluster;
      const beside = { node, settings, round: () => round.count(), onCommitted: (): void => undefined };
      const recovered = await recoverReplicas({ ...parts, ...beside }, from);
      replicated.push(recovered.turns);
      logs.push(recovered);
    }
  } catch (error) {
    await Promise.allSettled(logs.map(({ store }) => store.close())); // What is wrong is told by the error in hand.
    throw error;
  }
  return { logs, surroundings, alone, replicated, round };
}
