/**
 * A watch over all keys of a cluster, for as long as the node runs. etcd tells changes from a revision on; what was missed
 * by a break (another member, a compaction, an absence) is made up for by reading everything anew:
 *
 *     ┌─▶ read everything ──▶ tell it ──▶ stream from the next revision ──▶ tell each change
 *     └──────────── a pause ◀── no sign of life, canceled, broken ─────────────────┘
 *
 * A stream that is silent says nothing about its member, so signs of life are asked for.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { EtcdConnection, WatchStream } from "./etcd-connection.js";
import { type KeyValue, readWatchAnswer, type WatchAnswer } from "./etcd-schema.js";

/** How patient a watch is. Milliseconds. */
export interface WatchPatience {
  /** A sign of life is asked for so often. */
  readonly askMs: number;
  /** A stream without a sign of life for so long is given up. */
  readonly silentMs: number;
  /** After a break; up to as much again is added by chance, so that nodes do not come back in step. */
  readonly pauseMs: number;
}

/** A member that died is noticed within 4 s. */
export const WATCH_PATIENCE: WatchPatience = { askMs: 1_000, silentMs: 3_000, pauseMs: 250 };

/** Everything there is, and the revision (decimal) that it is of. */
export interface Everything {
  readonly revision: string;
  readonly found: readonly KeyValue[];
}

/** What a watch is handed. */
export interface EtcdWatchParts {
  readonly connection: EtcdConnection;
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly patience: WatchPatience;
  readonly readEverything: () => Promise<Everything>;
  /** Everything anew: what was told before and is not in it is gone. */
  readonly onEverything: (found: readonly KeyValue[]) => void;
  readonly onChange: (change: WatchAnswer["events"][number]) => void;
  /** The watch broke; it goes on by itself, with `onEverything` first. */
  readonly onBreak: (why: string) => void;
}

export class EtcdWatch {
  readonly #parts: EtcdWatchParts;
  readonly #stopped = new AbortController();
  /** Settled when it has ended; never rejected. */
  readonly ended: Promise<void>;

  constructor(parts: EtcdWatchParts) {
    this.#parts = parts;
    this.ended = this.#run();
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#stopped.abort();
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #run(): Promise<void> {
    const { pauseMs } = this.#parts.patience;
    const { signal } = this.#stopped;
    while (!this.#isStopped()) {
      try {
        await this.#once();
      } catch (error) {
        if (!this.#isStopped()) this.#parts.onBreak(error instanceof Error ? error.message : String(error));
      }
      await delay(pauseMs * (1 + Math.random()), null, { signal }).catch(() => {}); // Stopped: the loop sees it.
    }
  }

  /** One stream, from its beginning to its end. */
  async #once(): Promise<void> {
    const { connection, key, rangeEnd, readEverything, onEverything } = this.#parts;
    const { revision, found } = await readEverything();
    if (this.#isStopped()) return;
    onEverything(found);
    const { address, stream } = connection.watch();
    const start = String(BigInt(revision) + 1n);
    stream.write({ create_request: { key, range_end: rangeEnd, start_revision: start } });
    try {
      await this.#follow(stream);
    } catch (error) {
      connection.leave(address);
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`the watch at ${address} broke: ${why}`, { cause: error });
    } finally {
      stream.cancel();
    }
  }

  /** Settles when the watch was stopped, and is rejected when the stream broke. */
  async #follow(stream: WatchStream): Promise<void> {
    const { patience } = this.#parts;
    const { promise, resolve, reject } = settled();
    const { signal } = this.#stopped;
    signal.addEventListener("abort", resolve, { once: true });
    let heardMs = performance.now();
    stream.on("data", (message: unknown) => {
      heardMs = performance.now();
      try {
        this.#hear(message);
      } catch (error) {
        reject(error);
      }
    });
    stream.once("end", () => reject(new Error("etcd closed it")));
    stream.on("error", reject); // It stays: cancel() makes an error, too.
    const asking = setInterval(() => {
      if (performance.now() - heardMs < patience.silentMs) stream.write({ progress_request: {} });
      else reject(new Error(`no sign of life for ${patience.silentMs} ms`));
    }, patience.askMs);
    try {
      await promise;
    } finally {
      clearInterval(asking);
      signal.removeEventListener("abort", resolve);
    }
  }

  #hear(message: unknown): void {
    const { ended, events } = readWatchAnswer(message);
    if (!this.#isStopped()) for (const change of events) this.#parts.onChange(change);
    if (ended !== "") throw new Error(`etcd ended it: ${ended}`);
  }
}

/** A promise that is settled from outside. */
function settled(): {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (why: unknown) => void;
} {
  const made: { resolve: () => void; reject: (why: unknown) => void } = { resolve: () => {}, reject: () => {} };
  const promise = new Promise<void>((resolve, reject) => Object.assign(made, { resolve, reject }));
  return { promise, ...made };
}
