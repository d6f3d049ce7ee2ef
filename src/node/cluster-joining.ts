/**
 * How a node finds its cluster, before its workers start: by what it remembers, so that it needs no etcd to start again;
 * or else by etcd, whose facts it has to fit. A node that was alone brings its locks with it (Growth).
 *
 *     data directory is new:      facts of etcd, made if there are none ─▶ directory of that cluster
 *     ... has joined before:      what it remembers
 *     ... of a node alone so far: facts made of its own; etcd has others ─▶ refused
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as after } from "node:timers/promises";
import type { Logger } from "pino";
import {
  type ClusterFacts,
  ControlFault,
  type ControlPlane,
  differences,
  type Established,
} from "../control/control-plane.js";
import { EtcdControlPlane } from "../control/etcd.js";
import { isDataDir } from "../log/data-dir.js";
import type { Membership } from "./cluster-memory.js";
import { type NodeData, openNodeData } from "./node-data.js";
import { NodeFault } from "./node-fault.js";
import type { ClusterSettings } from "./settings-cluster.js";
import type { Settings } from "./settings-schema.js";

const FIRST_ERA = 0;
const CLUSTER_ID_BYTES = 16;
const AGAIN_MS = 500;
/** A start that waits says so this often. */
const TELL_EVERY_MS = 5_000;

/** What a node of a cluster has in hand. */
export interface Joined {
  readonly data: NodeData;
  readonly plane: ControlPlane;
  readonly membership: Membership;
  readonly key: string;
}

/** What the joining is told. */
export interface JoiningParts {
  readonly settings: Settings;
  readonly cluster: ClusterSettings;
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
}

/** Finds the cluster and opens the data directory. @throws NodeFault if the node does not fit; StoreFault */
export async function joinCluster(parts: JoiningParts): Promise<Joined> {
  const { settings } = parts;
  const key = keyOf(parts.cluster);
  if (!isDataDir(settings.node.dataDir)) return joinAnew(parts, key);
  const data = openNodeData(settings);
  try {
    const membership = data.memory.read();
    if (membership !== null) {
      const plane = planeOf(parts.cluster, membership.controlPlaneId);
      refuseOther(membership.facts, factsOf(settings, data.directory.clusterId, membership.facts));
      await refuseOtherControlPlane(plane);
      return { data, plane, membership, key };
    }
    return await grow(parts, data, key);
  } catch (error) {
    data.directory.close();
    throw error;
  }
}

async function joinAnew(parts: JoiningParts, key: string): Promise<Joined> {
  const { settings, cluster } = parts;
  const plane = planeOf(cluster, null);
  try {
    const { workers, shards, stores } = settings.node;
    const clusterId = randomBytes(CLUSTER_ID_BYTES).toString("hex");
    const wanted = { clusterId, shards, stores, workers, firstEra: FIRST_ERA, grownFrom: "" };
    const established = await patiently(parts, () => plane.establish(wanted));
    refuseOther(established.facts, { ...wanted, clusterId: established.facts.clusterId });
    const data = openNodeData(settings, established.facts.clusterId);
    return { data, plane, membership: remember(data, established), key };
  } catch (error) {
    plane.close();
    throw error;
  }
}

/** The directory's own cluster becomes the one that etcd has; on disk before etcd has a configuration of it. */
async function grow(parts: JoiningParts, data: NodeData, key: string): Promise<Joined> {
  const { settings, cluster } = parts;
  const plane = planeOf(cluster, null);
  try {
    const { clusterId, nodeId } = data.directory;
    const { workers, shards } = settings.node;
    const { stores } = data.directory;
    const grownFrom = data.configurations.length > 0 ? nodeId : "";
    const wanted = { clusterId, shards, stores, workers, firstEra: FIRST_ERA, grownFrom };
    const established = await patiently(parts, () => plane.establish(wanted));
    refuseOther(established.facts, wanted);
    return { data, plane, membership: remember(data, established), key };
  } catch (error) {
    plane.close();
    throw error;
  }
}

function remember(data: NodeData, { controlPlaneId, facts }: Established): Membership {
  const membership = { controlPlaneId, facts, place: null, records: [] };
  data.memory.write(membership);
  return membership;
}

function planeOf(cluster: ClusterSettings, controlPlaneId: string | null): ControlPlane {
  return new EtcdControlPlane({ endpoints: cluster.etcd, cluster: cluster.name, controlPlaneId });
}

function factsOf(settings: Settings, clusterId: string, standing: ClusterFacts): ClusterFacts {
  const { shards, stores, workers } = settings.node;
  return { ...standing, clusterId, shards, stores, workers };
}

function refuseOther(standing: ClusterFacts, own: ClusterFacts): void {
  const found = differences(standing, own);
  if (found.length > 0)
    throw new NodeFault("cluster-facts-differ", `this node does not fit its cluster: ${found.join("; ")}`);
}

/** Under another control plane it would serve what nobody else knows of; one that is away is not needed. */
async function refuseOtherControlPlane(plane: ControlPlane): Promise<void> {
  try {
    await plane.facts();
  } catch (error) {
    if (error instanceof ControlFault && error.code === "control-plane-unreachable") return;
    plane.close();
    throw error;
  }
}

/** A start waits for etcd as long as it takes: the node has nothing to serve before it. */
async function patiently<T>({ logger, signal, cluster }: JoiningParts, ask: () => Promise<T>): Promise<T> {
  let toldMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ControlFault) || error.code !== "control-plane-unreachable") throw error;
      if (performance.now() > toldMs + TELL_EVERY_MS) {
        toldMs = performance.now();
        logger.warn({ etcd: cluster.etcd }, `waiting for etcd, to join the cluster: ${error.message}`);
      }
      await after(AGAIN_MS);
      if (signal?.aborted === true) throw new NodeFault("interrupted", "interrupted: the start was broken off");
    }
  }
}

/** @throws NodeFault if the file can't be read or has no key */
function keyOf({ key, keyFile }: ClusterSettings): string {
  if (key !== "") return key;
  const first = readKeyFile(keyFile).split("\n")[0]?.trim() ?? "";
  if (first.length >= 16) return first;
  throw new NodeFault("cluster-key-unusable", `${keyFile} has no key of at least 16 characters in its first line`);
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NodeFault("cluster-key-unusable", `the cluster's key can't be read (cluster.key_file): ${why}`, error);
  }
}
