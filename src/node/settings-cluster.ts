/** The settings of a node that is one of several: where etcd is, what nodes know each other by, and when they lose patience. */
import { z } from "zod";
import { count, duration, type SettingSchema, text } from "./settings-kinds.js";

/** The cluster that the node is of. Times in milliseconds. */
export interface ClusterSettings {
  /** `host:port` or a URL of each member of etcd that is to be asked. */
  readonly etcd: readonly string[];
  /** Its name in etcd. */
  readonly name: string;
  /** What nodes know each other by; "" where a file has it. */
  readonly key: string;
  readonly keyFile: string;
  /** The host to listen on for other nodes. */
  readonly host: string;
  /** The host that other nodes are told. */
  readonly advertise: string;
  readonly replicas: number;
  readonly minInSync: number;
  readonly heartbeatMs: number;
  readonly memberSilentMs: number;
  readonly primarySilentMs: number;
  readonly learnerSteadyMs: number;
}

type Quantity = SettingSchema<number, string>;

/** Its keys, by what they are. */
type ClusterShape = Record<"etcd" | "name" | "key" | "key_file" | "host" | "advertise", SettingSchema<string>> &
  Record<"replicas" | "min_in_sync", SettingSchema<number>> &
  Record<"heartbeat" | "member_silence" | "primary_silence" | "learner_steady", Quantity>;

/** The section `cluster`. */
export const clusterSchema: z.ZodObject<ClusterShape, z.core.$strict> = z.strictObject({
  etcd: text({
    default: "",
    pattern: /^(?:(?:https?:\/\/)?[A-Za-z0-9._:[\]-]+(?:,(?:https?:\/\/)?[A-Za-z0-9._:[\]-]+)*)?$/,
    allowed: "addresses of etcd's members (host:port) with commas between them, or nothing",
    why: "Where the configurations of the cluster's shards are. Nothing means that this node is alone.",
  }),
  name: text({
    default: "default",
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    allowed: "up to 63 letters, digits, dots, hyphens and underscores",
    why: "The cluster's name in etcd, where several clusters share one.",
  }),
  key: text({
    default: "",
    pattern: /^(?:[!-~]{16,256})?$/,
    allowed: "16 to 256 characters without blanks, or nothing",
    why: "What the nodes of the cluster know each other by; the same on all of them. A file is better: key_file.",
    secret: true,
  }),
  key_file: text({
    default: "",
    pattern: /^[^\0]*$/,
    allowed: "the path of a file, or nothing",
    why: "A file with the cluster's key in its first line, readable by this user alone.",
  }),
  host: text({
    default: "",
    pattern: /^[A-Za-z0-9._:%-]{0,253}$/,
    allowed: "an address of this machine, a host name, or nothing",
    why: "The address to listen on for other nodes. Nothing means that of listen.host.",
  }),
  advertise: text({
    default: "",
    pattern: /^[A-Za-z0-9._:%-]{0,253}$/,
    allowed: "a host name or address without a port, or nothing",
    why: "The host by which other nodes reach this one. Nothing means listen.advertise, else the one it listens on.",
  }),
  replicas: count({
    default: 3,
    min: 1,
    max: 5,
    why: "Replicas of each shard, each on another node. A new cluster begins when so many nodes are there.",
  }),
  min_in_sync: count({
    default: 1,
    min: 1,
    max: 5,
    why: "Replicas that must store a lock before it is granted, at the least: with fewer alive, nothing is granted.",
  }),
  heartbeat: duration({
    default: "300ms",
    min: "20ms",
    max: "10s",
    why: "How often a primary that has nothing to send says that it is there.",
  }),
  member_silence: duration({
    default: "1500ms",
    min: "100ms",
    max: "1m",
    why: "A backup that acknowledges nothing for so long leaves the in-sync set; commits wait for it until then.",
  }),
  primary_silence: duration({
    default: "2s",
    min: "150ms",
    max: "1m",
    why: "A primary that is not heard for so long is replaced. Longer than member_silence, on all nodes the same.",
  }),
  learner_steady: duration({
    default: "10s",
    min: "100ms",
    max: "10m",
    why: "A replica that came back has to keep up for so long before commits wait for it again.",
  }),
});

/** Settings out of values. @returns null for a node that is alone */
export function toCluster(
  of: z.output<typeof clusterSchema>,
  { host, advertise }: { readonly host: string; readonly advertise: string },
): ClusterSettings | null {
  if (of.etcd === "") return null;
  const listenHost = of.host === "" ? host : of.host;
  return Object.freeze({
    etcd: of.etcd.split(","),
    name: of.name,
    key: of.key,
    keyFile: of.key_file,
    host: listenHost,
    advertise: of.advertise !== "" ? of.advertise : advertise !== "" ? advertise : listenHost,
    replicas: of.replicas,
    minInSync: of.min_in_sync,
    heartbeatMs: of.heartbeat,
    memberSilentMs: of.member_silence,
    primarySilentMs: of.primary_silence,
    learnerSteadyMs: of.learner_steady,
  });
}
