/** This node's seat in its cluster: its record for the others, its place, and what its workers are told of it. */
import { setTimeout as after } from "node:timers/promises";
import type { Logger } from "pino";
import { ControlFault } from "../control/control-plane.js";
import { REPLICATION_DEFAULTS } from "../replication/settings.js";
import type { ClusterOptions } from "../worker/options.js";
import type { Joined } from "./cluster-joining.js";
import { ClusterMember } from "./cluster-member.js";
import { takeClusterStarts } from "./cluster-starts.js";
import type { NodeData } from "./node-data.js";
import { hostAndPort, type NodePorts, toldHost } from "./ports.js";
import type { ClusterSettings } from "./settings-cluster.js";
import type { Settings } from "./settings-schema.js";

const AGAIN_MS = 500;
/** For clocks that differ, and for what was under way. */
const PROMOTION_MARGIN_MS = 5_000;

/** What a seat is taken with. */
export interface SeatParts {
  readonly settings: Settings;
  readonly cluster: ClusterSettings;
  readonly joined: Joined;
  readonly ports: NodePorts;
  readonly version: string;
  /** The host that clients are told. */
  readonly host: string;
  readonly logger: Logger;
  /** The node was removed from its cluster. */
  readonly onRemoved: () => void;
}

/** A seat. */
export interface Seat {
  readonly member: ClusterMember;
  /** The node's data, with the numbers of its workers' starts. */
  readonly data: NodeData;
  /** By worker. */
  readonly workers: readonly ClusterOptions[];
}

/** Takes it. Waits for etcd the first time. @throws ControlFault if the cluster has no room, or is another */
export async function takeSeat(parts: SeatParts): Promise<Seat> {
  const { settings, cluster, joined, ports, version, host, logger } = parts;
  const { data, plane, membership, key } = joined;
  const { directory, storeIds, memory } = data;
  const member = new ClusterMember({
    plane,
    memory,
    membership,
    logger,
    replicas: cluster.replicas,
    before: data.configurations,
    node: directory.nodeId,
    name: cluster.name,
    etcd: cluster.etcd,
    promotionWaitMs: settings.limits.ttlMaxMs + settings.limits.lockDelayMaxMs + PROMOTION_MARGIN_MS,
    onRemoved: parts.onRemoved,
  });
  const peerHost = toldHost({ ...settings.listen, host: cluster.host, advertise: cluster.advertise });
  const record = {
    node: directory.nodeId,
    name: settings.node.name,
    main: hostAndPort(host, ports.main),
    clients: ports.own.map((port) => hostAndPort(host, port)),
    peers: ports.peers.map((port) => hostAndPort(peerHost, port)),
    stores: storeIds,
    software: version,
  };
  const place = await placeOf(member, record);
  const workers = ports.peers.map((port) => ({
    clusterId: membership.facts.clusterId,
    node: directory.nodeId,
    place,
    stores: directory.stores,
    key,
    host: cluster.host,
    port,
    nodes: member.nodes,
    configurations: [],
    replication: {
      ...REPLICATION_DEFAULTS,
      heartbeatMs: cluster.heartbeatMs,
      memberSilentMs: cluster.memberSilentMs,
      primarySilentMs: cluster.primarySilentMs,
      learnerSteadyMs: cluster.learnerSteadyMs,
      minInSync: cluster.minInSync,
    },
  }));
  const starts = takeClusterStarts(directory, place, settings.node.workers);
  return { member, data: { ...data, starts }, workers };
}

async function placeOf(member: ClusterMember, record: Parameters<ClusterMember["takePlace"]>[0]): Promise<number> {
  for (;;) {
    try {
      return await member.takePlace(record);
    } catch (error) {
      if (!(error instanceof ControlFault) || error.code !== "control-plane-unreachable") throw error;
      await after(AGAIN_MS);
    }
  }
}
