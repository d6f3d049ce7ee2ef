/**
 * A node's hold on its data directory, as it is before any worker runs: the directory is ours, every store is made and
 * known by its id, and this node has taken office in a new epoch of each shard.
 *
 *     open the directory ─▶ make the stores, the first time ─▶ take office: epoch + 1 ─▶ numbers for the workers
 *
 * The stores are made here and not by the workers, because a store's id must be on record before anything is in it: from
 * then on a file that is missing is a loss, and never made anew without a word.
 */
import { SingleNodeControl } from "../control/single-node.js";
import type { Configuration } from "../words/configuration.js";
import { ClusterMemory } from "./cluster-memory.js";
import { NodeFault } from "./node-fault.js";
import { replicaName } from "../worker/cluster-view.js";
import { type DataDir, openDataDir } from "../log/data-dir.js";
import { makeStore } from "../log/make-store.js";
import { type Spread, spread } from "../placement/spread.js";
import { outOfRange } from "../words/assert.js";
import { shardIndex } from "../words/ids.js";
import type { Settings } from "./settings-schema.js";

/** The era of a new cluster. */
const FIRST_ERA = 0;
/** Path numbers have 20 bits for the start of a worker; 0 is no start. */
const STARTS = 2 ** 20 - 1;

/** What a node has in hand before its workers start. */
export interface NodeData {
  readonly directory: DataDir;
  /** By store. */
  readonly storeIds: readonly string[];
  /** By shard, of a node that is alone: it is the primary in each. Of one in a cluster: what it had before, by shard. */
  readonly configurations: readonly Configuration[];
  readonly spread: Spread;
  readonly memory: ClusterMemory;
  /** Of a node that is alone, by worker: a number from 1 below 2^20 that no start of any worker had before, until they begin again. */
  readonly starts: readonly number[];
}

/**
 * Opens or makes the data directory that the settings name; where the node is alone, takes office in it.
 * `directory.close()` gives it back. Blocks.
 * @param clusterId of the cluster that a new directory is made for; null: one of its own
 * @throws StoreFault if the directory or a new store can't be used
 */
export function openNodeData(settings: Settings, clusterId: string | null = null): NodeData {
  const { dataDir, shards, stores, workers } = settings.node;
  const directory = openDataDir(dataDir, { shards, stores, ...(clusterId === null ? {} : { clusterId }) });
  try {
    const storeIds = madeStores(directory);
    const plan = spread({ shards: directory.shards, stores: directory.stores, workers });
    const control = new SingleNodeControl(directory.database);
    const memory = new ClusterMemory(directory.database);
    const opened = { directory, storeIds, spread: plan, memory };
    if (settings.cluster !== null) {
      const before = Array.from({ length: directory.shards }, (_, shard) => control.read(shardIndex(shard)));
      return { ...opened, configurations: before.filter((one) => one !== null), starts: [] };
    }
    refuseMember(memory, directory);
    const offices = Array.from(plan.storeOfShard, (store, shard) => ({
      shard: shardIndex(shard),
      replica: replicaName(directory.nodeId, storeIds[store] ?? outOfRange(store)),
    }));
    const configurations = control.takeOffice(offices, FIRST_ERA);
    return { ...opened, configurations, starts: takeStarts(directory, workers) };
  } catch (error) {
    directory.close();
    throw error;
  }
}

/** A store remembers its control plane and serves under no other: alone it would grant what the cluster has granted. */
function refuseMember(memory: ClusterMemory, { path }: DataDir): void {
  const membership = memory.read();
  if (membership === null) return;
  throw new NodeFault(
    "data-dir-of-cluster",
    `${path} is of the cluster ${membership.facts.clusterId}, which has its locks: start the node with cluster.etcd, or ` +
      "with another, empty data directory",
  );
}

/** A start that was broken off between making and recording finds its stores and goes on with them. */
function madeStores(directory: DataDir): readonly string[] {
  const known = directory.storeIds();
  if (known.length > 0) return known;
  const ids: string[] = [];
  for (let index = 0; index < directory.stores; index += 1) {
    const file = directory.storeFile(index);
    ids.push(makeStore({ file, storeIndex: index, clusterId: directory.clusterId, era: FIRST_ERA }));
  }
  directory.recordStores(ids);
  return ids;
}

/**
 * On disk before a worker has its number: a path of a start that crashed must never be taken for a new one. Those
 * of one start are in a row, because workers tell by them which of them has made a path.
 */
function takeStarts({ database }: DataDir, workers: number): readonly number[] {
  return database
    .transaction(() => {
      database.exec("CREATE TABLE IF NOT EXISTS counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID");
      const select = database.prepare<[], { value: number }>("SELECT value FROM counters WHERE name = 'starts'");
      const last = select.get()?.value ?? 0;
      const first = last + workers > STARTS ? 1 : last + 1;
      const put = database.prepare<[number]>("INSERT OR REPLACE INTO counters(name, value) VALUES ('starts', ?)");
      put.run(first + workers - 1);
      return Array.from({ length: workers }, (_, worker) => first + worker);
    })
    .immediate();
}
