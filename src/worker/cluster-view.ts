/**
 * Who has what in the cluster, as this worker knows it: the nodes and the configurations that it has heard of, and the map
 * that follows from them. Workers of all nodes have one number each: the node's place times the workers of a node, plus
 * the worker's own; a place is given to a node once, so a client's number of a worker means the same on every node.
 */
import type { Configuration } from "../words/configuration.js";
import { outOfRange } from "../words/assert.js";
import type { ShardIndex } from "../words/ids.js";
import type { ClusterMap } from "./handshake.js";

/** How many nodes a cluster has at most, gone ones included. */
export const PLACES_MAX = 64;
/** Path numbers of two nodes are never the same: each place has so many starts of workers (20 bits in all). */
export const STARTS_PER_PLACE: number = 2 ** 20 / PLACES_MAX;

/** One node, as the control plane's registry has it. */
export interface ClusterNode {
  readonly node: string;
  /** From 0, below `PLACES_MAX`. */
  readonly place: number;
  /** `host:port` for clients, by worker. */
  readonly clients: readonly string[];
  /** `host:port` for other nodes, by worker. */
  readonly peers: readonly string[];
  /** Ids of its stores, by store. */
  readonly stores: readonly string[];
}

/** What does not change. */
export interface ClusterViewParts {
  /** Of each node. */
  readonly workers: number;
  readonly shards: number;
  readonly ringId: number;
  /** Within each node. */
  readonly storeOfShard: Uint16Array;
  readonly workerOfShard: Uint16Array;
  /** The place of this node: its workers have shards that nobody is known to have. */
  readonly place: number;
}

/** The name of a replica: its node and its store. */
export function replicaName(node: string, store: string): string {
  return `${node}/${store}`;
}

/** The node in the name of a replica. */
export function nodeOfReplica(replica: string): string {
  return replica.split("/")[0] ?? "";
}

export class ClusterView {
  readonly #parts: ClusterViewParts;
  readonly #nodes = new Map<string, ClusterNode>();
  readonly #known = new Map<number, Configuration>();
  /** Which worker of the cluster has each shard. */
  readonly owners: Uint16Array;
  #map: ClusterMap | null = null;

  constructor(parts: ClusterViewParts) {
    this.#parts = parts;
    this.owners = parts.workerOfShard.map((worker) => parts.place * parts.workers + worker);
  }

  /** The nodes that are known. */
  get nodes(): ReadonlyMap<string, ClusterNode> {
    return this.#nodes;
  }

  /** All that the registry has. */
  setNodes(nodes: readonly ClusterNode[]): void {
    this.#nodes.clear();
    for (const node of nodes) this.#nodes.set(node.node, node);
    for (const configuration of this.#known.values()) this.#setOwner(configuration);
    this.#map = null;
  }

  /** A configuration was heard of. @returns whether it says more than was known */
  saw(configuration: Configuration): boolean {
    const { shard, epoch } = configuration;
    if ((this.#known.get(shard)?.epoch ?? 0) >= epoch) return false;
    this.#known.set(shard, configuration);
    this.#setOwner(configuration);
    this.#map = null;
    return true;
  }

  /** The replica that a node has of a shard; "" where the node is not known. */
  replicaAt(node: string, shard: ShardIndex): string {
    const store = this.#nodes.get(node)?.stores[this.#parts.storeOfShard[shard] ?? outOfRange(shard)];
    return store === undefined ? "" : replicaName(node, store);
  }

  /** Which worker of the cluster is which of a node. */
  indexOf(place: number, worker: number): number {
    return place * this.#parts.workers + worker;
  }

  /** The map that clients are told. Its version grows with the configurations, and is the same on every node. */
  get map(): ClusterMap {
    this.#map ??= this.#makeMap();
    return this.#map;
  }

  #setOwner({ shard, primary }: Configuration): void {
    const place = this.#nodes.get(nodeOfReplica(primary))?.place;
    if (place === undefined) return;
    this.owners[shard] = this.indexOf(place, this.#parts.workerOfShard[shard] ?? outOfRange(shard));
  }

  #makeMap(): ClusterMap {
    const { shards, ringId, workers, place } = this.#parts;
    const places = Math.max(place, ...[...this.#nodes.values()].map((node) => node.place)) + 1;
    const addresses = Array.from({ length: places * workers }, (): string | null => null);
    for (const node of this.#nodes.values()) {
      for (const [worker, address] of node.clients.entries()) addresses[this.indexOf(node.place, worker)] = address;
    }
    const epochs = [...this.#known.values()].reduce((sum, { epoch }) => sum + epoch, 0);
    return { version: epochs + 1, shards, ringId, workers: addresses, owners: [...this.owners] };
  }
}
