/**
 * What Holdfast has in etcd: keys, and values that say their version. Read as strictly as a file of another program.
 *
 *     /holdfast/<cluster>/id                     random, 128 bits in hex: with etcd's own id the control plane's name
 *     /holdfast/<cluster>/facts                  {"version":1,"clusterId":…}
 *     /holdfast/<cluster>/configurations/<shard> <epoch> <nonce>⏎{"version":1,"shard":…}
 *     /holdfast/<cluster>/nodes/<node>           {"version":1,"node":…}
 *     /holdfast/<cluster>/draining/<node>        {"version":1,"node":…}
 *     /holdfast/<cluster>/goals/<shard>          {"version":1,"shard":…}
 *     /holdfast/<cluster>/promotions/<shard>     {"version":1,"shard":…}
 *
 * A configuration's first line names it, so that one comparison of values in etcd compares epoch and nonce, whatever
 * version wrote the rest (R-9: a revision of etcd may mean two configurations after a restore).
 */
import { z } from "zod";
import type { Configuration } from "../words/configuration.js";
import type { Goal, Promotion } from "../words/goal.js";
import { epoch, shardIndex } from "../words/ids.js";
import { type ClusterFacts, ControlFault, type Expected, type NodeRecord } from "./control-plane.js";
import type { KeyValue } from "./etcd-schema.js";

const VERSION = 1;
const versioned = z.looseObject({ version: z.number() });
const whole = z.int().min(0);
const name = z.string().min(1).max(512);

const configurationSchema = z.object({
  shard: whole,
  epoch: whole.min(1),
  era: whole,
  primary: name,
  inSync: z.array(name).min(1),
  replicas: z.array(name).min(1),
  nonce: name,
});
const factsSchema = z.object({
  clusterId: name,
  shards: whole.min(1),
  stores: whole.min(1),
  workers: whole.min(1),
  firstEra: whole,
  grownFrom: z.string(),
});
const recordSchema = z.object({
  node: name,
  name: z.string(),
  place: whole,
  main: z.string(),
  clients: z.array(z.string()),
  peers: z.array(z.string()),
  stores: z.array(name),
  software: z.string(),
});
const drainingSchema = z.object({ node: name });
const shard = whole.transform((index) => shardIndex(index));
const goalSchema = z
  .object({ shard, primary: name, replicas: z.array(name).min(1) })
  .refine(({ primary, replicas }) => replicas.includes(primary), "the primary is one of the replicas");
const promotionSchema = z.object({ shard, replica: name, epoch: whole.min(1).transform((number) => epoch(number)) });

/** The keys of one cluster. */
export class EtcdKeys {
  /** Before every key of the cluster. */
  readonly prefix: string;

  /** @param cluster its name in etcd; it holds no "/" */
  constructor(cluster: string) {
    this.prefix = `/holdfast/${cluster}/`;
  }

  get id(): string {
    return `${this.prefix}id`;
  }
  get facts(): string {
    return `${this.prefix}facts`;
  }
  get configurations(): string {
    return `${this.prefix}configurations/`;
  }
  configuration(shard: number): string {
    return `${this.configurations}${shard}`;
  }
  node(node: string): string {
    return `${this.prefix}nodes/${node}`;
  }
  draining(node: string): string {
    return `${this.prefix}draining/${node}`;
  }
  get goals(): string {
    return `${this.prefix}goals/`;
  }
  goal(index: number): string {
    return `${this.goals}${index}`;
  }
  promotion(index: number): string {
    return `${this.prefix}promotions/${index}`;
  }
}

/** The key after the last one that begins with `prefix`, as etcd wants the end of a range. */
export function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1; // Our prefixes end in "/" or a line feed, which are not the last of bytes.
  return end;
}

/** With what a value begins that is this configuration, and no other. */
export function firstLineOf({ epoch: number, nonce }: Expected): string {
  return `${number} ${nonce}\n`;
}

export function writeConfiguration(configuration: Configuration): string {
  return `${firstLineOf(configuration)}${JSON.stringify({ version: VERSION, ...configuration })}`;
}

export function writeFacts(facts: ClusterFacts): string {
  return JSON.stringify({ version: VERSION, ...facts });
}

export function writeRecord(record: NodeRecord): string {
  return JSON.stringify({ version: VERSION, ...record });
}

export function writeDraining(node: string): string {
  return JSON.stringify({ version: VERSION, node });
}

export function writeGoal(goal: Goal): string {
  return JSON.stringify({ version: VERSION, ...goal });
}

export function writePromotion(promotion: Promotion): string {
  return JSON.stringify({ version: VERSION, ...promotion });
}

/** What a key of the cluster says. */
export type EtcdValue =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "facts"; readonly facts: ClusterFacts }
  | { readonly kind: "configuration"; readonly configuration: Configuration }
  | { readonly kind: "node"; readonly record: NodeRecord }
  | { readonly kind: "draining"; readonly node: string }
  | { readonly kind: "goal"; readonly goal: Goal }
  | { readonly kind: "promotion"; readonly promotion: Promotion };

/**
 * Reads one key's value; null for a key that this version does not know.
 * @throws ControlFault `control-plane-unreadable` if it is damaged or of a newer version
 */
export function readValue(keys: EtcdKeys, { key, value }: KeyValue): EtcdValue | null {
  const path = key.toString();
  const text = value.toString();
  const [kind = ""] = path.slice(keys.prefix.length).split("/");
  switch (kind) {
    case "id":
      return { kind, id: parsed(path, name, text) };
    case "facts":
      return { kind, facts: parsed(path, factsSchema, json(path, text)) };
    case "configurations":
      return { kind: "configuration", configuration: readConfiguration(path, text) };
    case "nodes":
      return { kind: "node", record: parsed(path, recordSchema, json(path, text)) };
    case "goals":
      return { kind: "goal", goal: parsed(path, goalSchema, json(path, text)) };
    case "promotions":
      return { kind: "promotion", promotion: parsed(path, promotionSchema, json(path, text)) };
    case "draining":
      return { kind, node: parsed(path, drainingSchema, json(path, text)).node };
    default:
      return null;
  }
}

/** The node that a key below nodes/ or draining/ is about, for one that was deleted; null for other keys. */
export function nodeOfKey(
  keys: EtcdKeys,
  key: Buffer,
): { readonly kind: "nodes" | "draining"; readonly node: string } | null {
  const [kind, node = ""] = key.toString().slice(keys.prefix.length).split("/");
  return kind === "nodes" || kind === "draining" ? { kind, node } : null;
}

function readConfiguration(path: string, text: string): Configuration {
  const lineEnd = text.indexOf("\n") + 1;
  const read = parsed(path, configurationSchema, json(path, text.slice(lineEnd)));
  const configuration = { ...read, shard: shardIndex(read.shard), epoch: epoch(read.epoch) };
  if (firstLineOf(configuration) !== text.slice(0, lineEnd)) {
    throw unreadable(path, "its first line is not the name of what follows");
  }
  if (!path.endsWith(`/${read.shard}`)) throw unreadable(path, `it is that of shard ${read.shard}`);
  const strangers = [read.primary, ...read.inSync].filter((replica) => !read.replicas.includes(replica));
  if (!read.inSync.includes(read.primary)) throw unreadable(path, "its primary is not in sync");
  if (strangers.length > 0) throw unreadable(path, `${strangers.join(", ")} is none of its replicas`);
  return configuration;
}

function json(path: string, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, `it is no JSON: ${text.slice(0, 100)}`, { cause: error });
  }
  const { version } = parsed(path, versioned, value);
  if (version === VERSION) return value;
  throw unreadable(path, `it is of version ${version}, and this Holdfast reads version ${VERSION}: upgrade this node`);
}

function parsed<T>(path: string, schema: z.ZodType<T>, value: unknown): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw unreadable(path, z.prettifyError(error));
}

function unreadable(path: string, why: string, options?: ErrorOptions): ControlFault {
  return new ControlFault("control-plane-unreadable", `etcd's key ${path} can't be read: ${why}`, options);
}
