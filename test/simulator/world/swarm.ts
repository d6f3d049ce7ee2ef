/**
 * What a seed is made of, drawn before anything happens: which operations and faults exist at all (a coin for each), how
 * strong they are, and then the settings. Some bugs need one thing to be off, so most seeds lack most things (swarm
 * testing, Groce et al. 2012).
 */
import type { ControlSettings } from "./control-plane.js";
import type { DiskSettings } from "./disk.js";
import type { NetworkSettings } from "./network.js";
import { Random } from "./random.js";

/** A named limit to what a seed may draw; each is explained in PROFILES. */
export type Profile = keyof typeof PROFILES;

/** What each profile lifts or leaves out. */
export const PROFILES = {
  /** All that the design bears. */
  default: "every fault within the design's bounds; the last whole copy is spared",
  /** No fault at all: whatever fails here is no matter of faults. */
  quiet: "no faults",
  /** Nodes with replicas of each other's shards. */
  cluster: "all nodes are one cluster, and faults fall between them, too",
  /** the planner spares nothing, and an operator promotes. */
  "last-copy": "every copy of a shard may be lost",
  /** clocks outside the bound; all but INV-4 must hold. */
  "drift-beyond": "clocks drift ten times the bound",
  /** Stores are lost, emptied or replaced much more often than they would be. */
  "lost-disk": "stores are lost, cut short, emptied, replaced by older copies, bits are flipped",
  /** the control plane is restored from an old copy. */
  "control-back": "the control plane goes back in time",
} as const;

/** Every fault that a seed may have. Its strength is from 0 (it does not exist) to 1. */
export const FAULTS = [
  "crash",
  "power-loss",
  "stop",
  "suspend",
  "vm-pause",
  "turn-pause",
  "timers-late",
  "wall-jump",
  "partition",
  "one-way-partition",
  "isolated-node",
  "clog",
  "flap",
  "reset",
  "late-messages",
  "slow-network",
  "thin-network",
  "fsync-slow",
  "fsync-hangs",
  "fsync-fails",
  "disk-full",
  "disk-low",
  "wal-cut",
  "bit-flip",
  "store-lost",
  "store-older",
  "control-away",
  "control-cut-off",
  "control-slow",
  "control-late",
  "control-unanswered",
  "control-false-failure",
  "control-watch-late",
  "control-back",
  "rude-client",
  "client-stop",
  "client-crash",
  "hand-over",
] as const;
export type Fault = (typeof FAULTS)[number];

/** Every operation that a seed may have, with a weight from 0 (clients never ask for it) to 1. */
export const OPERATIONS = [
  "acquire",
  "acquire-waiting",
  "acquire-shared",
  "acquire-permit",
  "release",
  "renew",
  "check",
  "cancel",
  "revoke",
  "force-release",
  "list",
  "watch",
  "lock-delay",
  "claim-ttl",
  "session-close",
  "reconnect",
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Faults that lose what was synced: they exist only in some profiles, or with the planner's word. */
const DESTRUCTIVE: readonly Fault[] = ["wal-cut", "bit-flip", "store-lost", "store-older"];
/** What each seed has, since nothing would happen without. */
const ALWAYS: readonly Operation[] = ["acquire", "release"];

/** The settings of the product that a seed runs with. Times in ms. */
export interface ProductSettings {
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly lockDelayMs: number;
  /** Heartbeat, L and G of R-10. */
  readonly heartbeatMs: number;
  readonly memberSilentMs: number;
  readonly primarySilentMs: number;
  /** A checkpoint begins every so many events. */
  readonly checkpointEvents: number;
  /** At most so many events in one batch. */
  readonly batchEventsMax: number;
  /** Rows of one checkpoint page. */
  readonly pageRows: number;
  /** Rows that may expire in one slice. */
  readonly expirySlice: number;
}

/** The shape of the cluster and its load. */
export interface Shape {
  readonly nodes: number;
  readonly workers: number;
  readonly stores: number;
  readonly shards: number;
  readonly clients: number;
  readonly sessionsPerClient: number;
  readonly resources: number;
  readonly requestsPerSecond: number;
}

/** All that was drawn for a seed. */
export interface Swarm {
  readonly seed: number;
  readonly profile: Profile;
  /** Simulated seconds with faults, and then at most so many without (INV-9). */
  readonly safetySeconds: number;
  readonly livenessSeconds: number;
  readonly faults: Readonly<Record<Fault, number>>;
  readonly operations: Readonly<Record<Operation, number>>;
  readonly shape: Shape;
  readonly product: ProductSettings;
  readonly network: NetworkSettings;
  readonly disk: DiskSettings;
  readonly control: ControlSettings;
  /** The clock of each machine runs within this, in millionths. */
  readonly driftPpmMax: number;
  readonly wallAheadMaxUs: number;
  readonly timerLateMaxUs: number;
  /** Whole copies of each shard that the planner spares. */
  readonly sparedCopies: number;
}

type Dice = (part: string) => Random;

/** Draws a seed. `faultsLeftOut` is for shrinking: whole kinds of faults that shall not exist. */
export function drawSwarm(seed: number, profile: Profile = "default", faultsLeftOut: readonly Fault[] = []): Swarm {
  const dice = (part: string): Random => new Random(seed, `swarm/${part}`); // A new draw shifts no other part's.
  const faults = drawFaults(dice, profile, new Set(faultsLeftOut));
  const clocks = dice("clocks");
  return {
    seed,
    profile,
    safetySeconds: 20,
    livenessSeconds: 60,
    faults,
    operations: drawOperations(dice),
    shape: drawShape(dice("shape")),
    product: drawProduct(dice("product")),
    network: drawNetwork(dice("network"), faults),
    disk: drawDisk(dice("disk"), faults),
    control: drawControl(dice("control"), faults),
    driftPpmMax: profile === "drift-beyond" ? 5_000 : profile === "quiet" ? 0 : clocks.pick([0, 50, 500]),
    wallAheadMaxUs: clocks.pick([0, 1_000_000, 86_400_000_000]),
    timerLateMaxUs: Math.floor(faults["timers-late"] * 5_000_000),
    sparedCopies: profile === "last-copy" ? 0 : 1,
  };
}

/** A fault exists by a coin, and then has a strength; most are weak, so that the cluster gets something done. */
function drawFaults(dice: Dice, profile: Profile, leftOut: ReadonlySet<Fault>): Readonly<Record<Fault, number>> {
  const existing = dice("faults").pick([0.1, 0.25, 0.5]); // How much there is at all; one fault alone is worth a look, too.
  const drawn: Partial<Record<Fault, number>> = {};
  const strengthOf = (fault: Fault): number => {
    const random = dice(fault);
    const isDrawn = random.chance(existing);
    const strength = random.pick([0.1, 0.3, 1]);
    const isProfiles = profile === "lost-disk" || profile === "last-copy";
    if (profile === "quiet" || leftOut.has(fault)) return 0;
    if (fault === "control-back") return profile === "control-back" ? 1 : 0;
    if (DESTRUCTIVE.includes(fault) && isProfiles) return Math.max(strength, 0.3);
    return isDrawn ? strength : 0;
  };
  for (const fault of FAULTS) drawn[fault] = strengthOf(fault);
  return complete(FAULTS, drawn);
}

function drawOperations(dice: Dice): Readonly<Record<Operation, number>> {
  const drawn: Partial<Record<Operation, number>> = {};
  for (const operation of OPERATIONS) {
    const random = dice(operation);
    const isDrawn = random.chance(0.5);
    const weight = random.pick([0.1, 0.5, 1]);
    drawn[operation] = ALWAYS.includes(operation) ? 1 : isDrawn ? weight : 0;
  }
  return complete(OPERATIONS, drawn);
}

function complete<Name extends string>(
  names: readonly Name[],
  drawn: Partial<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const whole = Object.fromEntries(names.map((name) => [name, drawn[name] ?? 0]));
  assertComplete(whole, names);
  return whole;
}

function assertComplete<Name extends string>(
  whole: Record<string, number>,
  names: readonly Name[],
): asserts whole is Record<Name, number> {
  for (const name of names) if (whole[name] === undefined) throw new Error(`nothing was drawn for ${name}`);
}

function drawShape(random: Random): Shape {
  return {
    nodes: random.pick([1, 3, 3, 3, 4]),
    workers: random.pick([1, 1, 2, 3]),
    stores: random.pick([1, 2, 4]),
    shards: random.pick([1, 2, 8, 8]),
    clients: random.pick([2, 8, 8, 16]),
    sessionsPerClient: random.pick([1, 1, 3]),
    resources: random.pick([1, 3, 20, 100]),
    requestsPerSecond: random.pick([5, 20, 20, 100]),
  };
}

function drawProduct(random: Random): ProductSettings {
  const heartbeatMs = random.pick([100, 300, 300]);
  return {
    ttlMs: random.pick([500, 2_000, 5_000, 30_000]),
    waitMs: random.pick([500, 5_000, 60_000]),
    lockDelayMs: random.pick([0, 500, 5_000]),
    heartbeatMs,
    memberSilentMs: heartbeatMs * 5,
    primarySilentMs: heartbeatMs * random.pick([6, 7]),
    checkpointEvents: random.pick([3, 100, 30_000]),
    batchEventsMax: random.pick([1, 10, 1_000]),
    pageRows: random.pick([4, 64]),
    expirySlice: random.pick([1, 4, 1_024]),
  };
}

function drawNetwork(random: Random, faults: Readonly<Record<Fault, number>>): NetworkSettings {
  const isSlow = faults["slow-network"] > 0;
  return {
    weather: {
      medianUs: isSlow ? random.pick([5_000, 50_000]) : random.pick([100, 300, 1_000]),
      maxUs: isSlow ? 20_000_000 : 500_000,
      usPerByte: faults["thin-network"] > 0 ? random.pick([1, 10, 100]) : 0,
    },
    timeOutUs: random.pick([2_000_000, 10_000_000, 60_000_000]),
    connectTimeOutUs: random.pick([1_000_000, 5_000_000]),
    bufferBytes: random.pick([0, 4_096, 262_144]),
    lateMessages: faults["late-messages"],
    lateMaxUs: random.pick([100_000, 5_000_000, 300_000_000]),
  };
}

function drawDisk(random: Random, faults: Readonly<Record<Fault, number>>): DiskSettings {
  return {
    commitMedianUs: random.pick([100, 1_000, 10_000]),
    commitMaxUs: 300_000,
    slow: faults["fsync-slow"] * 0.05,
    hang: faults["fsync-hangs"] * 0.005,
    fail: faults["fsync-fails"] * 0.01,
    phantom: faults["fsync-fails"] * 0.3,
    copyBackBytes: random.pick([1, 4_096, 1_048_576]),
    retainBytes: random.pick([0, 4_096, 1_048_576]),
  };
}

function drawControl(random: Random, faults: Readonly<Record<Fault, number>>): ControlSettings {
  return {
    medianUs: random.pick([500, 3_000, 30_000]),
    maxUs: 1_000_000,
    timeOutUs: random.pick([500_000, 2_000_000]),
    unanswered: faults["control-unanswered"] * 0.5,
    late: faults["control-late"] * 0.5,
    lateMaxUs: random.pick([500_000, 5_000_000, 20_000_000]),
    falseFailure: faults["control-false-failure"] * 0.5,
    repeated: faults["control-watch-late"] * 0.5,
    watchMaxUs: Math.floor(faults["control-watch-late"] * 5_000_000),
  };
}
