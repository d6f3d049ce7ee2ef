/** Who does what: the options of each worker thread, out of the settings, the data directory and the ports. */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { outOfRange } from "../words/assert.js";
import { ringOf } from "../placement/ring.js";
import type { NodeData } from "./node-data.js";
import { hostAndPort, type NodePorts } from "./ports.js";
import type { Settings } from "./settings-schema.js";
import type { ClusterOptions, WorkerOptions } from "../worker/options.js";

/** What the plan is made of. */
export interface PlanParts {
  readonly settings: Settings;
  readonly data: NodeData;
  readonly ports: NodePorts;
  readonly version: string;
  /** The host that clients are told. */
  readonly host: string;
  /** By worker, where the node is of a cluster. */
  readonly cluster: readonly ClusterOptions[] | null;
}

const NO_OFFICE = { epoch: 0, era: 0 };

/** The options of every worker, by index. The message ports in them can be given away once. */
export function planWorkers({ settings, data, ports, version, host, cluster }: PlanParts): readonly WorkerOptions[] {
  const count = ports.own.length;
  const peers = peerPorts(count);
  const ringSlots = sharedSlots(data.directory.shards);
  const addresses = ports.own.map((port) => hostAndPort(host, port));
  return ports.own.map((ownPort, index) => ({
    index,
    start: data.starts[index] ?? outOfRange(index),
    stores: storesOf(data, index),
    clusterId: data.directory.clusterId,
    shards: data.directory.shards,
    ringSlots,
    workerOfShard: data.spread.workerOfShard,
    node: settings.node.name,
    version,
    host: settings.listen.host,
    mainPort: ports.main,
    ownPort,
    addresses,
    limits: settings.limits,
    log: settings.log,
    checkpoint: settings.checkpoint,
    cluster: cluster?.[index] ?? null,
    peers: peers[index] ?? outOfRange(index),
  }));
}

/** Making a ring of 4,096 shards takes a second: it is made once, and read by every worker where it lies. */
function sharedSlots(shards: number): Uint16Array {
  const { slots } = ringOf(shards);
  const shared = new Uint16Array(new SharedArrayBuffer(slots.byteLength));
  shared.set(slots);
  return shared;
}

function storesOf({ directory, storeIds, configurations, spread }: NodeData, worker: number): WorkerOptions["stores"] {
  const stores = spread.storesOfWorker[worker] ?? outOfRange(worker);
  return stores.map((index) => ({
    index,
    file: directory.storeFile(index),
    create: false, // node-data.ts has made it: a file that is missing now is a loss.
    storeId: storeIds[index] ?? outOfRange(index),
    shards: (spread.shardsOfStore[index] ?? outOfRange(index)).map((shard) => {
      const { epoch, era } = configurations.find((one) => one.shard === shard) ?? NO_OFFICE; // In a cluster, none yet.
      return { shard, epoch, era };
    }),
  }));
}

/** A channel between each two workers: `ports[a][b]` is a's end of the one to b, null where a is b. */
function peerPorts(count: number): readonly (readonly (MessagePort | null)[])[] {
  const ports = Array.from({ length: count }, () => Array.from({ length: count }, (): MessagePort | null => null));
  for (const [index, row] of ports.entries()) {
    for (const [other, otherRow] of ports.entries()) {
      if (other <= index) continue;
      const { port1, port2 } = new MessageChannel();
      row[other] = port1;
      otherRow[index] = port2;
    }
  }
  return ports;
}
