/**
 * What a worker has beside its shards where they have replicas on other nodes: the replicas' machine, the connections to
 * other nodes' workers, and the map that follows from what is heard. What it asks of the control plane goes to the node's
 * main thread by message; heartbeats do not, so that a worker that hangs beside a healthy node loses its offices.
 */
import { randomBytes } from "node:crypto";
import type { Configuration } from "../words/configuration.js";
import { shardIndex } from "../words/ids.js";
import { spread } from "../placement/spread.js";
import type { Input } from "../replication/inputs.js";
import type { Report } from "../replication/outputs.js";
import { type ClusterNode, ClusterView, nodeOfReplica, STARTS_PER_PLACE } from "./cluster-view.js";
import type { Forwarding } from "./forwarding.js";
import type { ClusterOptions, FromWorker, ReplicaStatus, WorkerOptions } from "./options.js";
import { Peer } from "./peers.js";
import type { PeerEnd, PeerEnding } from "./peer-wire.js";
import { PeerWires } from "./peer-wires.js";
import { RemotePort } from "./remote-port.js";
import type { ReplicaSeat } from "./replica-seat.js";
import { replicaStatus } from "./replica-status.js";
import type { ReplicaStore } from "./replica-store.js";
import { Replicas, type Wire } from "./replicas.js";

const NONCE_BYTES = 16;
const TICKS_PER_HEARTBEAT = 10;
/** Changes of the map come in storms, one for each shard: clients are told once. Milliseconds. */
const MAP_PAUSE_MS = 20;

/** What it is made of. */
export interface ClusterSideParts {
  readonly options: WorkerOptions;
  readonly cluster: ClusterOptions;
  readonly ringId: number;
  readonly tell: (message: FromWorker) => void;
  /** Takes a batch of forwarded requests or answers. */
  readonly fromPeer: (peer: Peer, batch: Uint8Array) => void;
}

/** What it acts upon, once that is built. */
export interface ClusterSideJoints {
  readonly forwarding: Forwarding;
  readonly schedule: () => void;
  /** The map has changed: clients are to be told. */
  readonly mapChanged: () => void;
  /** A connection to a worker stands, or is gone: for what is said over it beside requests. */
  readonly met: (worker: number) => void;
  readonly lost: (worker: number) => void;
}

interface Remote {
  readonly index: number;
  readonly peer: Peer;
  readonly port: RemotePort;
}

export class ClusterSide {
  readonly view: ClusterView;
  readonly replicas: Replicas;
  readonly #parts: ClusterSideParts;
  #wires: PeerWires | undefined;
  readonly #remotes = new Map<string, Remote>();
  readonly #replicaWires = new Map<PeerEnd, Wire>();
  /** By the worker's number in the cluster; the worker's own lines are put in, too. */
  readonly peers: (Peer | undefined)[] = [];
  #joints: ClusterSideJoints | undefined;
  #mapTimer: NodeJS.Timeout | undefined;

  constructor(parts: ClusterSideParts, stores: readonly ReplicaStore[]) {
    this.#parts = parts;
    const { options, cluster, ringId, tell } = parts;
    const workers = options.addresses.length;
    const { storeOfShard } = spread({ shards: options.shards, stores: cluster.stores, workers });
    const { workerOfShard, shards } = options;
    this.view = new ClusterView({ workers, shards, ringId, storeOfShard, workerOfShard, place: cluster.place });
    this.replicas = new Replicas(
      {
        nowMs: () => performance.now(),
        nonce: () => randomBytes(NONCE_BYTES).toString("hex"),
        tickMs: cluster.replication.heartbeatMs / TICKS_PER_HEARTBEAT,
        workerOf: nodeOfReplica,
        replicaAt: (node, shard) => this.view.replicaAt(node, shard),
        ask: (shard, request) => tell({ kind: "control", shard, request }),
        report: (seat, report) => this.#report(seat, report),
        schedule: () => this.#joints?.schedule(),
      },
      stores,
    );
  }

  /** Of all its replicas, by shard. */
  get status(): readonly ReplicaStatus[] {
    return [...this.replicas.seats.values()].map(({ replica }) => replicaStatus(replica.state));
  }

  /** This worker's number in the cluster. */
  get index(): number {
    return this.view.indexOf(this.#parts.cluster.place, this.#parts.options.index);
  }

  /** Everything else is built: what is known from the start is taken in. Nothing is connected yet. */
  join(joints: ClusterSideJoints): void {
    this.#joints = joints;
    const { cluster } = this.#parts;
    this.setNodes(cluster.nodes);
    for (const configuration of cluster.configurations) this.seen(configuration);
  }

  /** Takes connections, and dials. @throws Error if the port can't be had */
  listen(): void {
    const { cluster, options, tell } = this.#parts;
    const wires = new PeerWires({
      self: { cluster: cluster.clusterId, node: cluster.node, worker: options.index, key: cluster.key },
      workers: options.addresses.length,
      host: cluster.host,
      port: cluster.port,
      events: {
        opened: (end) => this.#opened(end),
        received: (end, bytes) => this.#received(end, bytes),
        lost: (end, how) => this.#lost(end, how),
      },
      refused: (node) => this.replicas.refused(node),
      warn: (facts, message) => tell({ kind: "warning", facts, message }),
    });
    this.#wires = wires;
    wires.listen();
    wires.setNodes(this.view.nodes);
  }

  /** Ends all connections. */
  close(): void {
    clearTimeout(this.#mapTimer);
    this.#wires?.close();
  }

  /** The control plane has answered for a replica. */
  told(shard: number, input: Input): void {
    this.replicas.told(shardIndex(shard), input);
  }

  /** A configuration that was seen without asking for it. */
  seen(configuration: Configuration): void {
    this.replicas.seen(configuration);
    this.#saw(configuration);
  }

  /** The nodes of the cluster, all of them. */
  setNodes(nodes: readonly ClusterNode[]): void {
    const before = new Map(this.view.nodes);
    this.view.setNodes(nodes);
    for (const node of nodes) this.#meet(node, before.get(node.node));
    this.#wires?.setNodes(this.view.nodes);
    this.#mapChanged();
  }

  /** The worker of the cluster that has made path numbers of a start; the node's record says its place alone. */
  workerOfStart(start: number): number {
    const workers = this.#parts.options.addresses.length;
    const place = Math.floor(start / STARTS_PER_PLACE);
    return this.view.indexOf(place, (start % STARTS_PER_PLACE) % workers);
  }

  /** Whether requests for a worker of the cluster can be sent there now. */
  isReachable(worker: number): boolean {
    const remote = [...this.#remotes.values()].find(({ index }) => index === worker);
    return remote === undefined ? this.peers[worker] !== undefined : remote.port.end !== null;
  }

  #meet({ node, place, stores }: ClusterNode, before: ClusterNode | undefined): void {
    const { cluster, options, fromPeer } = this.#parts;
    if (node === cluster.node) return;
    for (let worker = 0; worker < options.addresses.length; worker++) {
      const key = `${node} ${worker}`;
      if (this.#remotes.has(key)) continue;
      const index = this.view.indexOf(place, worker);
      const port = new RemotePort();
      const peer = new Peer(index, port, fromPeer);
      this.#remotes.set(key, { index, peer, port });
      this.peers[index] = peer;
    }
    if (before === undefined || before.stores.join() === stores.join()) return;
    for (const end of this.#replicaWires.keys()) if (end.node === node) end.close(); // It has other replicas now.
  }

  #opened(end: PeerEnd): void {
    if (!this.view.nodes.has(end.node)) return end.close(); // The registry will tell of it; then it is known by place.
    if (end.purpose === "replicas") {
      const wire: Wire = { send: (frame) => end.send(frame), close: () => end.close() };
      this.#replicaWires.set(end, wire);
      this.replicas.connected(end.node, end.link, wire);
      return;
    }
    const remote = this.#remoteOf(end);
    if (remote === undefined) return;
    remote.port.end = end;
    this.#joints?.met(remote.index);
  }

  #received(end: PeerEnd, bytes: Uint8Array): void {
    if (end.purpose === "replicas") {
      const wire = this.#replicaWires.get(end);
      if (wire !== undefined) this.replicas.received(end.node, wire, bytes);
      return;
    }
    const remote = this.#remoteOf(end);
    if (remote !== undefined) this.#parts.fromPeer(remote.peer, bytes);
  }

  #lost(end: PeerEnd, how: PeerEnding): void {
    if (end.purpose === "replicas") {
      const wire = this.#replicaWires.get(end);
      this.#replicaWires.delete(end);
      if (wire !== undefined) this.replicas.lost(end.node, wire, how);
      return;
    }
    const remote = this.#remoteOf(end);
    if (remote?.port.end !== end) return;
    remote.port.end = null;
    this.#joints?.forwarding.lost(remote.index);
    this.#joints?.lost(remote.index);
    this.#joints?.schedule();
  }

  #remoteOf({ node, worker }: PeerEnd): Remote | undefined {
    return this.#remotes.get(`${node} ${worker}`);
  }

  #report(seat: ReplicaSeat, report: Report): void {
    const { tell } = this.#parts;
    if (report.kind === "try-again") this.#wires?.tryAgain(nodeOfReplica(report.replica), report.afterMs);
    else tell({ kind: "report", shard: seat.index, replica: seat.name, report });
    const { configuration } = seat.replica.state;
    if (configuration !== null && this.#saw(configuration)) tell({ kind: "saw", configuration });
  }

  #saw(configuration: Configuration): boolean {
    const isNew = this.view.saw(configuration);
    if (isNew) this.#mapChanged();
    return isNew;
  }

  #mapChanged(): void {
    this.#joints?.forwarding.setMap(this.view.map);
    if (this.#mapTimer !== undefined) return;
    this.#mapTimer = setTimeout(() => {
      this.#mapTimer = undefined;
      this.#joints?.mapChanged();
    }, MAP_PAUSE_MS);
  }
}
