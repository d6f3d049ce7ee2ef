/**
 * What a watch has seen, as its reader is told it: everything at first and after a break, then changes. A value that can't
 * be read is told as such, because nothing may be concluded from it, and the rest goes on.
 */
import type { Seen } from "./control-plane.js";
import type { KeyValue, WatchAnswer } from "./etcd-schema.js";
import { type EtcdKeys, nodeOfKey, readValue } from "./etcd-values.js";

export class EtcdSight {
  readonly #keys: EtcdKeys;
  readonly #tell: (seen: Seen) => void;
  #nodes = new Set<string>();
  #draining = new Set<string>();
  #isInTouch = false;

  constructor(keys: EtcdKeys, tell: (seen: Seen) => void) {
    this.#keys = keys;
    this.#tell = tell;
  }

  /** All there is. Nodes that were told before and are gone are told as removed. */
  everything(found: readonly KeyValue[]): void {
    const [nodes, draining] = [this.#nodes, this.#draining];
    this.#nodes = new Set();
    this.#draining = new Set();
    for (const pair of found) this.#value(pair);
    for (const node of draining) {
      if (!this.#draining.has(node)) this.#tell({ kind: "draining", node, isDraining: false });
    }
    for (const node of nodes) if (!this.#nodes.has(node)) this.#tell({ kind: "node-removed", node });
    if (!this.#isInTouch) this.#tell({ kind: "in-touch" });
    this.#isInTouch = true;
  }

  change({ kind, key, value }: WatchAnswer["events"][number]): void {
    if (kind === "put") this.#value({ key, value });
    else this.#gone(key);
  }

  /** Told once for each absence. */
  broken(why: string): void {
    if (this.#isInTouch) this.#tell({ kind: "out-of-touch", why });
    this.#isInTouch = false;
  }

  #value(pair: KeyValue): void {
    const value = this.#readable(pair);
    if (value?.kind === "configuration" || value?.kind === "goal" || value?.kind === "promotion") this.#tell(value);
    if (value?.kind === "node") {
      this.#nodes.add(value.record.node);
      this.#tell(value);
    }
    if (value?.kind === "draining") {
      this.#draining.add(value.node);
      this.#tell({ kind: "draining", node: value.node, isDraining: true });
    }
  }

  #gone(key: Buffer): void {
    const of = nodeOfKey(this.#keys, key);
    if (of?.kind === "nodes" && this.#nodes.delete(of.node)) this.#tell({ kind: "node-removed", node: of.node });
    if (of?.kind === "draining" && this.#draining.delete(of.node)) {
      this.#tell({ kind: "draining", node: of.node, isDraining: false });
    }
  }

  #readable(pair: KeyValue): ReturnType<typeof readValue> {
    try {
      return readValue(this.#keys, pair);
    } catch (error) {
      this.#tell({ kind: "unreadable", why: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }
}
