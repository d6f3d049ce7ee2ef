/** Opens a store of a worker whose shards have replicas on other nodes, and builds this node's replicas from what is in it. */
import { epoch, shardIndex } from "../words/ids.js";
import type { Store } from "../log/store.js";
import type { ReplicationSettings } from "../replication/settings.js";
import { Damage } from "../shard/replay.js";
import { Shard } from "../shard/shard.js";
import { replicaName } from "./cluster-view.js";
import type { WorkerStore } from "./options.js";
import { damaged, openStore, type RecoverParts, stateOptions } from "./recover.js";
import { PartReader, ReplicaLog, rememberedIn } from "./replica-log.js";
import { ReplicaSeat } from "./replica-seat.js";
import { ReplicaStore } from "./replica-store.js";
import { digestOf } from "./state-digest.js";

/** What else replicas are made of. */
export interface RecoverReplicasParts extends RecoverParts {
  readonly node: string;
  readonly settings: ReplicationSettings;
  /** The round of the turn under way. */
  readonly round: () => number;
  /** An actor in office has committed more. */
  readonly onCommitted: (shard: Shard) => void;
}

/** A store of replicas. */
export interface RecoveredReplicas {
  readonly store: Store;
  readonly turns: ReplicaStore;
}

/** Opens one. @throws StoreFault if it can't be used: what is wrong, where, and what to do */
export async function recoverReplicas(parts: RecoverReplicasParts, from: WorkerStore): Promise<RecoveredReplicas> {
  const { store, ringBytes } = await openStore(parts.options, from);
  try {
    const reader = new PartReader();
    await store.recover({
      page: (key, body) => reader.page(key, body),
      batch: (seq, wall, body) => reader.batch(seq, wall, body),
      progress: parts.progress,
    });
    return { store, turns: replicasOf(parts, { store, ringBytes, from, reader }) };
  } catch (error) {
    await store.close().catch(() => undefined); // What is wrong is told by the error in hand.
    throw error instanceof Damage ? damaged(from.file, error) : error;
  }
}

interface Opened {
  readonly store: Store;
  readonly ringBytes: number;
  readonly from: WorkerStore;
  readonly reader: PartReader;
}

function replicasOf(parts: RecoverReplicasParts, { store, ringBytes, from, reader }: Opened): ReplicaStore {
  const { surroundings, settings, node, round, onCommitted, options } = parts;
  const log = new ReplicaLog(store);
  const state = stateOptions(parts);
  const made: { store?: ReplicaStore } = {};
  const seats = from.shards.map(({ shard }) => {
    const index = shardIndex(shard);
    return new ReplicaSeat({
      index,
      name: replicaName(node, from.storeId),
      log,
      part: reader.part(shard),
      remembered: rememberedIn(store.info.shards, shard),
      settings,
      nowMs: performance.now(),
      make: () => new Shard(index, epoch(0), state, surroundings),
      paths: surroundings.paths,
      digestOf,
      onRebuilt: () => made.store?.rebuilt(index),
    });
  });
  const { bytesPerSecond } = options.checkpoint;
  made.store = new ReplicaStore(log, seats, { ringBytes, bytesPerSecond, round, onCommitted });
  return made.store;
}
