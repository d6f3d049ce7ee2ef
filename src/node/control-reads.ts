/**
 * What replicas want read of the control plane, one read of a shard at a time: they ask again and again while etcd is slow
 * or away, and all those reads would hold it down when it comes back.
 */
import { setTimeout as after } from "node:timers/promises";
import type { Configuration } from "../words/configuration.js";
import { shardIndex } from "../words/ids.js";
import type { ControlPlane } from "../control/control-plane.js";
import type { Input } from "../replication/inputs.js";

/** A read that has failed is asked again after this time. */
const ASK_AGAIN_MS = 300;
const NOTHING_WANTED = -1;

/** What reads are made with. */
export interface ControlReadsParts {
  readonly plane: Pick<ControlPlane, "read">;
  readonly isClosed: () => boolean;
  /** Told of each configuration that was read. */
  readonly saw: (configuration: Configuration) => void;
  /** A read has failed and is tried again. @throws what is no fault of the control plane */
  readonly failed: (error: unknown) => void;
}

export class ControlReads {
  readonly #parts: ControlReadsParts;
  /** Shards that are being read, and the largest epoch known to who has asked since. */
  readonly #wanted = new Map<number, number>();

  constructor(parts: ControlReadsParts) {
    this.#parts = parts;
  }

  /** Reads a shard, after this call; who asks while one is under way is answered by the next. */
  async ask(shard: number, knownEpoch: number, told: (input: Input) => void): Promise<void> {
    const isUnderWay = this.#wanted.has(shard);
    this.#wanted.set(shard, Math.max(knownEpoch, this.#wanted.get(shard) ?? 0));
    if (isUnderWay) return;
    while ((this.#wanted.get(shard) ?? NOTHING_WANTED) !== NOTHING_WANTED) await this.#once(shard, told);
    this.#wanted.delete(shard);
  }

  async #once(shard: number, told: (input: Input) => void): Promise<void> {
    const { plane, isClosed, saw, failed } = this.#parts;
    const knownEpoch = this.#wanted.get(shard) ?? 0;
    this.#wanted.set(shard, NOTHING_WANTED);
    if (isClosed()) return;
    try {
      const configuration = await plane.read(shardIndex(shard));
      told({ kind: "read", configuration, knownEpoch });
      if (configuration !== null) saw(configuration);
    } catch (error) {
      failed(error);
      this.#wanted.set(shard, Math.max(knownEpoch, this.#wanted.get(shard) ?? 0));
      await after(ASK_AGAIN_MS, undefined, { ref: false });
    }
  }
}
