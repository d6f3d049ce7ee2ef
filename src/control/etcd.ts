/**
 * The control plane in etcd: the adapter that knows what its answers are worth. Everything is a transaction that first
 * compares the id which we once wrote there, so that another etcd, or one made anew, is neither believed nor written to.
 * A compare-and-swap is sent once; whatever is not seen to succeed is `not-written`, an outcome that is unknown.
 */
import { randomBytes } from "node:crypto";
import { assert } from "../words/assert.js";
import type { Configuration } from "../words/configuration.js";
import type { Goal, Promotion } from "../words/goal.js";
import type { ShardIndex } from "../words/ids.js";
import {
  type ClusterFacts,
  ControlFault,
  type ControlPlane,
  type Established,
  type Expected,
  type NodeRecord,
  type Registry,
  type Seen,
  type SwapOutcome,
} from "./control-plane.js";
import { ETCD_PATIENCE, EtcdConnection, type EtcdPatience } from "./etcd-connection.js";
import type { KeyValue, TxnAnswer } from "./etcd-schema.js";
import {
  EtcdKeys,
  type EtcdValue,
  endOfPrefix,
  firstLineOf,
  readValue,
  writeConfiguration,
  writeDraining,
  writeFacts,
  writeGoal,
  writePromotion,
  writeRecord,
} from "./etcd-values.js";
import { EtcdSight } from "./etcd-sight.js";
import { EtcdWatch, WATCH_PATIENCE, type WatchPatience } from "./etcd-watch.js";

/** How to reach etcd, and what this node knows of it. */
export interface EtcdOptions {
  /** `host:port` or `http://host:port`, at least one. */
  readonly endpoints: readonly string[];
  /** The cluster's name in etcd: several clusters may share one. */
  readonly cluster: string;
  /** Under which this node's stores have served; null if under none yet. Another control plane is refused. */
  readonly controlPlaneId: string | null;
  readonly patience?: EtcdPatience;
  readonly watchPatience?: WatchPatience;
}

/** etcd's own id and the random one that we wrote into it. */
interface Identity {
  readonly etcdId: string;
  readonly ownId: string;
}

/** etcd takes 128 operations in a transaction by its defaults. */
const OPERATIONS_MAX = 100;

type Operation = Readonly<Record<string, object>>;

export class EtcdControlPlane implements ControlPlane {
  readonly #connection: EtcdConnection;
  readonly #keys: EtcdKeys;
  readonly #watchPatience: WatchPatience;
  readonly #watches = new Set<EtcdWatch>();
  #identity: Identity | null;

  constructor(options: EtcdOptions) {
    this.#connection = new EtcdConnection(options.endpoints, options.patience ?? ETCD_PATIENCE);
    this.#keys = new EtcdKeys(options.cluster);
    this.#watchPatience = options.watchPatience ?? WATCH_PATIENCE;
    const [etcdId, ownId] = options.controlPlaneId?.split("/") ?? [];
    this.#identity = etcdId === undefined || ownId === undefined ? null : { etcdId, ownId };
  }

  async facts(): Promise<Established | null> {
    const { id, facts } = this.#keys;
    return this.#established(await this.#connection.repeatable({ success: [rangeOf(id), rangeOf(facts)] }));
  }

  async establish(wanted: ClusterFacts): Promise<Established> {
    const { id, facts } = this.#keys;
    const answer = await this.#connection.repeatable({
      compare: [{ result: "EQUAL", target: "VERSION", key: bytesOf(id), version: "0" }],
      success: [
        putOf(id, randomBytes(16).toString("hex")),
        putOf(facts, writeFacts(wanted)),
        rangeOf(id),
        rangeOf(facts),
      ],
      failure: [rangeOf(id), rangeOf(facts)],
    });
    const established = this.#established(answer);
    assert(established !== null, "a cluster that was made has facts");
    return established;
  }

  async read(shard: ShardIndex): Promise<Configuration | null> {
    const values = await this.#found([rangeOf(this.#keys.configuration(shard))]);
    return values.flatMap((value) => (value.kind === "configuration" ? [value.configuration] : []))[0] ?? null;
  }

  async readAll(): Promise<readonly Configuration[]> {
    const values = await this.#found([allOf(this.#keys.configurations)]);
    const configurations = values.flatMap((value) => (value.kind === "configuration" ? [value.configuration] : []));
    return configurations.sort((one, other) => one.shard - other.shard);
  }

  async compareAndSwap(expected: Expected | null, next: Configuration): Promise<SwapOutcome> {
    assert(
      expected === null || next.epoch === expected.epoch + 1,
      "R-9: each configuration has one epoch more than the last",
    );
    assert(next.inSync.includes(next.primary), "the primary is one of the in-sync set");
    const key = this.#keys.configuration(next.shard);
    const request = {
      compare: [this.#guard(), ...(expected === null ? [isAbsent(key)] : beginsWith(key, firstLineOf(expected)))],
      success: [putOf(key, writeConfiguration(next))],
    };
    try {
      return (await this.#connection.once(request)).succeeded ? "written" : "not-written";
    } catch (error) {
      if (error instanceof ControlFault) return "not-written";
      throw error;
    }
  }

  watch(onSeen: (seen: Seen) => void): () => void {
    const sight = new EtcdSight(this.#keys, onSeen);
    const watch = new EtcdWatch({
      connection: this.#connection,
      key: bytesOf(this.#keys.prefix),
      rangeEnd: endOfPrefix(this.#keys.prefix),
      patience: this.#watchPatience,
      readEverything: () => this.#guarded([allOf(this.#keys.prefix)]),
      onEverything: (found) => sight.everything(found),
      onChange: (change) => sight.change(change),
      onBreak: (why) => sight.broken(why),
    });
    this.#watches.add(watch);
    return () => {
      watch.stop();
      this.#watches.delete(watch);
    };
  }

  async announce(record: NodeRecord): Promise<void> {
    await this.#guarded([putOf(this.#keys.node(record.node), writeRecord(record))]);
  }

  async announceAgain(record: NodeRecord): Promise<boolean> {
    const key = this.#keys.node(record.node);
    const compare = [this.#guard(), isThere(key)];
    for (;;) {
      const answer = await this.#connection.repeatable({ compare, success: [putOf(key, writeRecord(record))] });
      if (answer.succeeded) return true;
      if ((await this.#found([rangeOf(key)])).length === 0) return false;
    }
  }

  async nodes(): Promise<Registry> {
    const values = await this.#found([allOf(this.#keys.node("")), allOf(this.#keys.draining(""))]);
    return {
      records: values.flatMap((value) => (value.kind === "node" ? [value.record] : [])),
      draining: values.flatMap((value) => (value.kind === "draining" ? [value.node] : [])),
    };
  }

  async setDraining(node: string, isDraining: boolean): Promise<void> {
    const key = this.#keys.draining(node);
    await this.#guarded([isDraining ? putOf(key, writeDraining(node)) : removalOf(key)]);
  }

  async remove(node: string): Promise<void> {
    await this.#guarded([removalOf(this.#keys.node(node)), removalOf(this.#keys.draining(node))]);
  }

  async goals(): Promise<readonly Goal[]> {
    const values = await this.#found([allOf(this.#keys.goals)]);
    const goals = values.flatMap((value) => (value.kind === "goal" ? [value.goal] : []));
    return goals.sort((one, other) => one.shard - other.shard);
  }

  async setGoals(goals: readonly Goal[]): Promise<void> {
    for (let begin = 0; begin < goals.length; begin += OPERATIONS_MAX) {
      const some = goals.slice(begin, begin + OPERATIONS_MAX);
      await this.#guarded(some.map((goal) => putOf(this.#keys.goal(goal.shard), writeGoal(goal))));
    }
  }

  async promote(promotion: Promotion): Promise<void> {
    await this.#guarded([putOf(this.#keys.promotion(promotion.shard), writePromotion(promotion))]);
  }

  close(): void {
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
    this.#connection.close();
  }

  async #found(operations: readonly Operation[]): Promise<readonly EtcdValue[]> {
    const { found } = await this.#guarded(operations);
    return found.map((pair) => readValue(this.#keys, pair)).filter((value) => value !== null);
  }

  /** Done only in the control plane that this node knows. */
  async #guarded(operations: readonly Operation[]): Promise<TxnAnswer> {
    const answer = await this.#connection.repeatable({ compare: [this.#guard()], success: operations });
    if (answer.succeeded && answer.clusterId === this.#identity?.etcdId) return answer;
    throw new ControlFault(
      "control-plane-is-another",
      `etcd (its id is ${answer.clusterId}) has no cluster of the id ${this.#identity?.ownId ?? "none"} under ` +
        `${this.#keys.prefix}: it was made anew, or the endpoints are those of another one. Check the endpoints; if ` +
        "etcd has lost its data, stop all nodes before you restore it",
    );
  }

  #guard(): object {
    assert(this.#identity !== null, "the control plane's id is known before anything is asked of it");
    return { result: "EQUAL", target: "VALUE", key: bytesOf(this.#keys.id), value: bytesOf(this.#identity.ownId) };
  }

  #established({ clusterId, found }: TxnAnswer): Established | null {
    const values = found.map((pair: KeyValue) => readValue(this.#keys, pair));
    const id = values.flatMap((value) => (value?.kind === "id" ? [value.id] : []))[0];
    const facts = values.flatMap((value) => (value?.kind === "facts" ? [value.facts] : []))[0];
    const known = this.#identity;
    const isAnother = known !== null && (known.etcdId !== clusterId || known.ownId !== id);
    if (isAnother) {
      const seen = id === undefined ? "no cluster at all" : `the control plane ${clusterId}/${id}`;
      throw new ControlFault(
        "control-plane-is-another",
        `this node has served under the control plane ${known.etcdId}/${known.ownId}, and etcd has ${seen} under ` +
          `${this.#keys.prefix}: check the endpoints and the cluster's name; a node never changes its control plane`,
      );
    }
    if (id === undefined || facts === undefined) return null;
    this.#identity = { etcdId: clusterId, ownId: id };
    return { controlPlaneId: `${clusterId}/${id}`, facts };
  }
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

function rangeOf(key: string): Operation {
  return { request_range: { key: bytesOf(key) } };
}

function allOf(prefix: string): Operation {
  return { request_range: { key: bytesOf(prefix), range_end: endOfPrefix(prefix) } };
}

function putOf(key: string, value: string): Operation {
  return { request_put: { key: bytesOf(key), value: bytesOf(value) } };
}

function removalOf(key: string): Operation {
  return { request_delete_range: { key: bytesOf(key) } };
}

function isAbsent(key: string): object {
  return { result: "EQUAL", target: "VERSION", key: bytesOf(key), version: "0" };
}

function isThere(key: string): object {
  return { result: "GREATER", target: "VERSION", key: bytesOf(key), version: "0" };
}

/** Two comparisons: etcd knows no other for a part of a value. */
function beginsWith(key: string, text: string): readonly object[] {
  const of = { target: "VALUE", key: bytesOf(key) };
  return [
    { ...of, result: "GREATER", value: bytesOf(text) },
    { ...of, result: "LESS", value: endOfPrefix(text) },
  ];
}
