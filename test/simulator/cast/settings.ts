/**
 * What a seed's run is like, as the cast needs it: the swarm's draws turned into sizes, times, and how often which
 * misfortune comes. Nothing is drawn here.
 */
import { REPLICATION_DEFAULTS, type ReplicationSettings } from "../../../src/replication/settings.js";
import { LIMITS_DEFAULT, type Limits } from "../../../src/words/limits.js";
import { MODE_EXCLUSIVE, MODE_SHARED } from "../../../src/words/mode.js";
import type { ControlSettings } from "../world/control-plane.js";
import type { DiskSettings } from "../world/disk.js";
import type { NetworkSettings } from "../world/network.js";
import type { Swarm } from "../world/swarm.js";

/** What happens to the threads of a node. */
export interface Rarity {
  /** How long a turn gathers, microseconds. */
  readonly turnUs: number;
  /** Probability, for each turn, that its thread stops between the requests and the clock... */
  turnPause: number;
  /** ... for so long, the median in microseconds. */
  readonly turnPauseUs: number;
}

/** What users of the clients do. A probability for each wish unless the name says otherwise. */
export interface UserSettings {
  readonly resources: number;
  readonly modes: readonly number[];
  /** How many may hold a resource of permits; 0: there is none. */
  readonly permits: number;
  /** Wishes a second of one client. */
  readonly wishesPerSecond: number;
  readonly usersPerClient: number;
  readonly waitMs: readonly number[];
  /** 0: bound to the session. */
  readonly ttlMs: readonly number[];
  readonly lockDelayMs: readonly number[];
  readonly holdMsMedian: number;
  readonly renew: number;
  readonly check: number;
  readonly position: number;
  readonly abandon: number;
  readonly keep: number;
  readonly close: number;
  readonly reconnect: number;
  readonly revoke: number;
  readonly forceRelease: number;
}

/** What befalls nodes and clients; each a rate in events a second of the whole run, 0: never. */
export interface FaultRates {
  readonly crash: number;
  readonly powerLoss: number;
  readonly stopNode: number;
  readonly suspendNode: number;
  readonly pauseNode: number;
  readonly stopClient: number;
  readonly suspendClient: number;
  readonly crashClient: number;
  readonly reset: number;
  readonly clog: number;
  readonly partition: number;
  readonly oneWayPartition: number;
  readonly isolate: number;
  readonly flap: number;
  readonly wallJump: number;
  readonly diskLow: number;
  readonly diskFull: number;
  /** Of clusters only: a planned change of office, and a machine that comes back with an empty disk. */
  readonly handOver: number;
  readonly storeLost: number;
}

/** One run. */
export interface RunSettings {
  readonly nodes: number;
  readonly workers: number;
  readonly stores: number;
  readonly shards: number;
  readonly clients: number;
  readonly rudeClients: number;
  readonly safetyUs: number;
  readonly livenessUs: number;
  readonly driftPpmMax: number;
  readonly wallAheadMaxUs: number;
  readonly timerLateMaxUs: number;
  readonly limits: Limits;
  readonly sessionTtlMs: number;
  readonly answerWithinMs: number;
  /** Clients reach every worker through one connection, so that workers forward. */
  readonly isThroughEntry: boolean;
  readonly checkpoint: {
    readonly bytesPerSecond: number;
    readonly cycleBytesMin: number;
    readonly cycleAfterMs: number;
  };
  readonly ringBytes: number;
  /** Its own record, so that healing can end the faults of all disks at once. */
  readonly disk: { -readonly [field in keyof DiskSettings]: DiskSettings[field] };
  readonly network: { -readonly [field in keyof NetworkSettings]: NetworkSettings[field] };
  readonly rarity: Rarity;
  /** Whether all nodes are one cluster, with a replica of each shard on each of them; else each is a place of its own. */
  readonly isCluster: boolean;
  readonly replication: ReplicationSettings;
  readonly control: ControlSettings;
  readonly faultStrengths: Swarm["faults"];
  readonly users: UserSettings;
  readonly faults: FaultRates;
}

const CLUSTER_NODES_MIN = 3;
const RING_BYTES = 2 ** 20;
/** Bytes of an event in the log, about: cycles of checkpoints are counted in bytes. */
const EVENT_BYTES = 150;
const TTL_MIN_MS = 50;

/** The run that a swarm means. */
export function settingsOf(swarm: Swarm): RunSettings {
  const { shape, product, faults, operations } = swarm;
  const isCluster = swarm.profile === "cluster";
  const limits: Limits = {
    ...LIMITS_DEFAULT,
    ttlMinMs: TTL_MIN_MS,
    waitingGraceMs: Math.min(LIMITS_DEFAULT.waitingGraceMs, product.ttlMs * 2),
    frameBytesMax: 65_536,
    requestsPerFrameMax: 512,
    unreadOutcomesMax: product.batchEventsMax === 1 ? 10 : LIMITS_DEFAULT.unreadOutcomesMax,
  };
  return {
    nodes: isCluster ? Math.max(CLUSTER_NODES_MIN, shape.nodes) : shape.nodes,
    workers: shape.workers,
    stores: Math.max(shape.stores, shape.workers),
    shards: shape.shards,
    clients: shape.clients,
    rudeClients: faults["rude-client"] > 0 && !isCluster ? Math.ceil(faults["rude-client"] * 3) : 0,
    safetyUs: swarm.safetySeconds * 1_000_000,
    livenessUs: swarm.livenessSeconds * 1_000_000,
    driftPpmMax: swarm.driftPpmMax,
    wallAheadMaxUs: swarm.wallAheadMaxUs,
    timerLateMaxUs: swarm.timerLateMaxUs,
    limits,
    sessionTtlMs: product.ttlMs,
    answerWithinMs: 3_000,
    isThroughEntry: !isCluster && shape.workers > 1 && operations.list > 0, // Any coin will do: half of the seeds forward.
    checkpoint: {
      bytesPerSecond: 262_144,
      cycleBytesMin: product.checkpointEvents * EVENT_BYTES,
      cycleAfterMs: product.checkpointEvents === 3 ? 200 : 10_000,
    },
    ringBytes: RING_BYTES,
    disk: { ...swarm.disk, phantom: 0 }, // It can lose the only copy: not before there are others.
    network: { ...swarm.network },
    rarity: {
      turnUs: product.batchEventsMax > 1 ? 200 : 10,
      turnPause: faults["turn-pause"] * 0.02,
      turnPauseUs: 300_000,
    },
    isCluster,
    replication: {
      ...REPLICATION_DEFAULTS,
      heartbeatMs: product.heartbeatMs,
      memberSilentMs: product.memberSilentMs,
      primarySilentMs: product.primarySilentMs,
      learnerSteadyMs: 2_000,
      digestEveryMs: 2_000,
    },
    control: swarm.control,
    faultStrengths: faults,
    users: usersOf(swarm),
    faults: ratesOf(faults),
  };
}

function usersOf({ shape, product, operations, faults }: Swarm): UserSettings {
  const ttls = operations["claim-ttl"] > 0 ? [0, product.ttlMs, Math.max(TTL_MIN_MS, product.ttlMs / 2)] : [0];
  return {
    resources: shape.resources,
    modes: operations["acquire-shared"] > 0 ? [MODE_EXCLUSIVE, MODE_SHARED, MODE_SHARED] : [MODE_EXCLUSIVE],
    permits: operations["acquire-permit"] > 0 ? 2 : 0,
    wishesPerSecond: shape.requestsPerSecond / shape.clients / REQUESTS_PER_WISH,
    usersPerClient: shape.sessionsPerClient,
    waitMs: operations["acquire-waiting"] > 0 ? [0, product.waitMs, product.waitMs] : [0],
    ttlMs: ttls,
    lockDelayMs: operations["lock-delay"] > 0 ? [0, 0, product.lockDelayMs] : [0],
    holdMsMedian: 200,
    renew: operations.renew * 0.5,
    check: operations.check * 0.5,
    position: operations.check * 0.2,
    abandon: operations.cancel * 0.3,
    keep: faults.stop > 0 ? 0 : 0.05,
    close: operations["session-close"] * 0.05,
    reconnect: operations.reconnect * 0.05,
    revoke: operations.revoke * 0.1,
    forceRelease: operations["force-release"] * 0.1,
  };
}

/** An acquire and its release, and a third of a check or renewal. */
const REQUESTS_PER_WISH = 2.3;

function ratesOf(faults: Swarm["faults"]): FaultRates {
  return {
    crash: faults.crash * 0.5,
    powerLoss: faults["power-loss"] * 0.3,
    stopNode: faults.stop * 0.5,
    suspendNode: faults.suspend * 0.2,
    pauseNode: faults["vm-pause"] * 0.3,
    stopClient: faults["client-stop"] * 1.5,
    suspendClient: faults.suspend * 0.7,
    crashClient: faults["client-crash"] * 0.5,
    reset: faults.reset * 3,
    clog: faults.clog * 2,
    partition: faults.partition,
    oneWayPartition: faults["one-way-partition"],
    isolate: faults["isolated-node"] * 0.5,
    flap: faults.flap * 0.5,
    wallJump: faults["wall-jump"],
    diskLow: faults["disk-low"] * 0.2,
    diskFull: faults["disk-full"] * 0.1,
    handOver: faults["hand-over"] * 0.5,
    storeLost: faults["store-lost"] * 0.3,
  };
}
