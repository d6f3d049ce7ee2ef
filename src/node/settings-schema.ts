/**
 * Every setting there is, once: its section and key, what it may be, its default and why somebody would change it. From
 * here come the file's keys, the names of flags and environment variables, the reference page and the JSON Schema.
 */
import { availableParallelism, hostname } from "node:os";
import { z } from "zod";
import { SHARDS_MAX } from "../placement/spread.js";
import { LIMITS, type Limits } from "../words/limits.js";
import { clusterSchema, type ClusterSettings, toCluster } from "./settings-cluster.js";
import { choice, count, duration, FACTS, limit, type SettingFacts, size, tcpPort, text } from "./settings-kinds.js";

/** What the node is. */
export interface NodeSettings {
  /** The name of the node: the machine's host name unless it is set. */
  readonly name: string;
  /** The one directory that holds state; as written, so relative to the working directory. */
  readonly dataDir: string;
  /** Worker threads, from 1: one for each core unless it is set. */
  readonly workers: number;
  /** Stores of a data directory that is made now, from 1 to the shards: one for each core unless it is set. */
  readonly stores: number;
  /** Shards of a cluster that is made now. */
  readonly shards: number;
}

/** Where it listens. Ports from 0 (any free one) to 65,535. */
export interface ListenSettings {
  readonly host: string;
  /** Shared by all workers. */
  readonly main: number;
  /** The port of the first worker; the next ones follow. 0: any free ones. */
  readonly workerBase: number;
  readonly peerBase: number;
  /** The host that the cluster map tells clients; "": the host it listens on. */
  readonly advertise: string;
}

/** How the log is kept. */
export interface LogSettings {
  readonly retainMs: number;
  readonly retainBytes: number;
  readonly reserveBytes: number;
  readonly copyBackBytes: number;
  readonly ringBytes: number;
}

/** How fast checkpoints go. */
export interface CheckpointSettings {
  /** Bytes of changed pages that a store writes in a second, at most. */
  readonly bytesPerSecond: number;
  /** A checkpoint begins when this many bytes of log would have to be replayed. */
  readonly replayBytes: number;
}

/** The level below which nothing is logged. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** What is logged. */
export interface LoggingSettings {
  readonly level: LogLevel;
}

/** All settings in force; frozen. Times in milliseconds, sizes in bytes. */
export interface Settings {
  readonly node: NodeSettings;
  readonly listen: ListenSettings;
  /** Null where the node is alone. */
  readonly cluster: ClusterSettings | null;
  readonly limits: Limits;
  readonly log: LogSettings;
  readonly checkpoint: CheckpointSettings;
  readonly logging: LoggingSettings;
}

/** More threads than any machine gains from. */
const THREADS_MAX = 256;
const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

const node = z.strictObject({
  name: text({
    default: "",
    pattern: /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,62})?$/,
    allowed: "up to 63 letters, digits, dots, hyphens and underscores, or nothing",
    why: "The name of this node in logs and status. Nothing means the machine's host name.",
  }),
  data_dir: text({
    default: "./data",
    pattern: /^[^\0]+$/,
    allowed: "the path of a directory",
    why: "Where all state is. Made with mode 0700 if it is not there; two servers never open the same one.",
  }),
  workers: count({ default: 0, min: 0, max: THREADS_MAX, why: "Worker threads. 0 means one for each core." }),
  stores: count({
    default: 0,
    min: 0,
    max: THREADS_MAX,
    why: "Databases that share the log. 0 means one for each core. Counts only when the data directory is made.",
  }),
  shards: count({
    default: 64,
    min: 1,
    max: SHARDS_MAX,
    why: "Parts of the resource space. Fixed when the data directory is made; leave it unless you know.",
  }),
});

const listen = z.strictObject({
  host: text({
    default: "127.0.0.1",
    pattern: /^[A-Za-z0-9._:%-]{1,253}$/,
    allowed: "an address of this machine or a host name",
    why: "The address to listen on. 0.0.0.0 means all of them, reachable from outside.",
  }),
  main: tcpPort(7_400, "The port that clients are given; all workers share it."),
  worker_base: tcpPort(7_401, "The port of the first worker; each further worker has the next one."),
  peer_base: tcpPort(7_500, "The first port for other nodes."),
  advertise: text({
    default: "",
    pattern: /^[A-Za-z0-9._:%-]{0,253}$/,
    allowed: "a host name or address without a port, or nothing",
    why: "The host by which clients reach this node, if it is not the one it listens on (behind NAT, in a container).",
  }),
});

const limits = z.strictObject({
  ttl_min: limit(LIMITS.ttlMinMs),
  ttl_max: limit(LIMITS.ttlMaxMs),
  ttl_default: limit(LIMITS.ttlDefaultMs),
  wait_max: limit(LIMITS.waitMaxMs),
  lock_delay_max: limit(LIMITS.lockDelayMaxMs),
  permits_max: limit(LIMITS.permitsMax),
  waiters_per_resource_max: limit(LIMITS.waitersPerResourceMax),
  claims_per_node_max: limit(LIMITS.claimsPerNodeMax),
  metadata_max: limit(LIMITS.metadataBytesMax),
  frame_max: limit(LIMITS.frameBytesMax),
  requests_per_frame_max: limit(LIMITS.requestsPerFrameMax),
  sessions_per_connection_max: limit(LIMITS.sessionsPerConnectionMax),
  unanswered_per_session_max: limit(LIMITS.unansweredPerSessionMax),
  unread_outcomes_max: limit(LIMITS.unreadOutcomesMax),
  watches_per_connection_max: limit(LIMITS.watchesPerConnectionMax),
  unsent_max: limit(LIMITS.unsentBytesMax),
  idle_max: limit(LIMITS.idleMaxMs),
});

const session = z.strictObject({ waiting_grace: limit(LIMITS.waitingGraceMs) });

const log = z.strictObject({
  retain: duration({
    default: "24h",
    min: "0ms",
    max: "87600h",
    why: "How long events are kept as the audit trail; whichever of this and retain_size is less.",
  }),
  retain_size: size({
    default: "1GiB",
    min: "0B",
    max: "16TiB",
    why: "How many bytes of events each store keeps as the audit trail.",
  }),
  reserve: size({
    default: "64MiB",
    min: "0B",
    max: "1TiB",
    why: "With less disk than this free, acquires are refused, while renewals and releases go on.",
  }),
  copy_back: size({
    default: "1MiB",
    min: "64KiB",
    max: "16MiB",
    why: "The size at which a store's WAL is copied back into its database. A large one stalls commits.",
  }),
  ring: size({
    default: "16MiB",
    min: "4MiB",
    max: "1GiB",
    why: "The memory by which a worker hands events to the thread of each of its stores.",
  }),
});

const checkpoint = z.strictObject({
  rate: size({
    default: "16MiB",
    min: "64KiB",
    max: "16GiB",
    why: "Bytes of changed pages that each store writes in a second, at most, so that locks do not wait for it.",
  }),
  replay: size({
    default: "128MiB",
    min: "1MiB",
    max: "1TiB",
    why: "A checkpoint begins when a start would replay so much log. More means fewer writes and a slower start.",
  }),
});

const logging = z.strictObject({
  level: choice({ default: "info", choices: LEVELS, why: "The least urgent lines that are logged." }),
});

const schema = z.strictObject({ node, listen, cluster: clusterSchema, limits, session, log, checkpoint, logging });

type Written = z.output<typeof schema>;

/** One setting: where it is written, and its facts. */
export interface Setting extends SettingFacts {
  readonly section: string;
  readonly key: string;
}

/** What is wrong with one value. */
export interface ValueProblem {
  readonly section: string;
  readonly key: string;
  readonly reason: string;
}

/** Settings out of values, or what is wrong with them: every problem, not the first. */
export type Checked =
  | { readonly kind: "settings"; readonly settings: Settings }
  | { readonly kind: "problems"; readonly problems: readonly ValueProblem[] };

/** Every setting, in the order of the file. */
export const SETTINGS: readonly Setting[] = Object.entries(schema.shape).flatMap(([section, keys]) =>
  Object.entries(keys.shape).map(([key, value]) => {
    const facts = FACTS.get(value);
    if (facts === undefined) throw new Error(`the setting ${section}.${key} has no facts`);
    return { section, key, ...facts };
  }),
);

/** Checks values by section and key, each of them there. */
export function check(values: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Checked {
  const parsed = schema.safeParse(values);
  if (parsed.success) return { kind: "settings", settings: toSettings(parsed.data) };
  const problems = parsed.error.issues.map((issue) => {
    const [section = "", key = ""] = issue.path.map((part) => String(part));
    return { section, key, reason: issue.message };
  });
  return { kind: "problems", problems };
}

/** The JSON Schema (draft 2020-12) of the file, for editors. A new object each time. */
export function jsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    override: ({ zodSchema, jsonSchema: target }) => {
      delete target.required; // A file says only what differs from the defaults.
      const facts = FACTS.get(zodSchema);
      if (facts === undefined) return;
      target.description = `${facts.why} Allowed: ${facts.allowed}.`;
      target.default = facts.default;
    },
  });
}

/** What a setting leaves to the machine is looked up here, so that nobody else has to know what 0 and "" stand for. */
function toSettings(written: Written): Settings {
  const { name, workers, stores, shards } = written.node;
  const cores = Math.min(availableParallelism(), THREADS_MAX);
  return Object.freeze({
    node: Object.freeze({
      name: name === "" ? hostname() : name,
      dataDir: written.node.data_dir,
      workers: workers === 0 ? cores : workers,
      stores: stores === 0 ? Math.min(cores, shards) : stores,
      shards,
    }),
    listen: Object.freeze({
      host: written.listen.host,
      main: written.listen.main,
      workerBase: written.listen.worker_base,
      peerBase: written.listen.peer_base,
      advertise: written.listen.advertise,
    }),
    cluster: toCluster(written.cluster, written.listen),
    limits: toLimits(written),
    log: Object.freeze({
      retainMs: written.log.retain,
      retainBytes: written.log.retain_size,
      reserveBytes: written.log.reserve,
      copyBackBytes: written.log.copy_back,
      ringBytes: written.log.ring,
    }),
    checkpoint: Object.freeze({
      bytesPerSecond: written.checkpoint.rate,
      replayBytes: written.checkpoint.replay,
    }),
    logging: Object.freeze({ level: written.logging.level }),
  });
}

function toLimits({ limits: of, session: { waiting_grace: waitingGraceMs } }: Written): Limits {
  return Object.freeze({
    ttlMinMs: of.ttl_min,
    ttlMaxMs: of.ttl_max,
    ttlDefaultMs: of.ttl_default,
    waitMaxMs: of.wait_max,
    waitingGraceMs,
    lockDelayMaxMs: of.lock_delay_max,
    permitsMax: of.permits_max,
    waitersPerResourceMax: of.waiters_per_resource_max,
    claimsPerNodeMax: of.claims_per_node_max,
    resourceCharactersMax: LIMITS.resourceCharactersMax.default,
    resourceBytesMax: LIMITS.resourceBytesMax.default,
    metadataBytesMax: of.metadata_max,
    frameBytesMax: of.frame_max,
    requestsPerFrameMax: of.requests_per_frame_max,
    sessionsPerConnectionMax: of.sessions_per_connection_max,
    unansweredPerSessionMax: of.unanswered_per_session_max,
    unreadOutcomesMax: of.unread_outcomes_max,
    watchesPerConnectionMax: of.watches_per_connection_max,
    unsentBytesMax: of.unsent_max,
    idleMaxMs: of.idle_max,
  });
}
