/** Opens the stores of a worker and builds their shards from what is in them (system.md §6). */
import { assert } from "../words/assert.js";
import { epoch, shardIndex } from "../words/ids.js";
import type { Surroundings } from "../engine/engine.js";
import type { StateOptions } from "../engine/state.js";
import { Store } from "../log/store.js";
import { StoreFault } from "../log/store-fault.js";
import { Damage, forEachEntry, Replay, shardOfPage } from "../shard/replay.js";
import { Shard } from "../shard/shard.js";
import type { Limits } from "../words/limits.js";
import { TURN_BYTES_MAX, TURN_REQUESTS_MAX } from "./front.js";
import type { WorkerOptions, WorkerStore } from "./options.js";
import { ROOM_FOR_TURN, ShardStore } from "./shard-store.js";

/** What the shards of a worker are made of. */
export interface RecoverParts {
  readonly options: WorkerOptions;
  readonly surroundings: Surroundings;
  readonly hashKey: readonly [number, number];
  readonly clockMs: () => number;
  readonly progress: (done: number, total: number) => void;
}

/** What a request can log beside its own bytes: an event, the beginning of its session here, and 15 numbers of what was seen. */
const EVENT_BYTES_MAX = 320;

/** One claim in so many has a session of its own here, at most: the rows are reserved, not used. */
const CLAIMS_PER_CLIENT = 2;

/** Opens one store. @throws StoreFault if it can't be used: what is wrong, where, and what to do. */
export async function recoverStore(parts: RecoverParts, from: WorkerStore): Promise<ShardStore> {
  const { checkpoint } = parts.options;
  const opening = openStore(parts.options, from);
  const recovery = new Recovery(parts.surroundings, stateOptions(parts), from.shards); // While its thread starts.
  const { store, ringBytes } = await opening;
  try {
    await store.recover({
      page: (key, body) => {
        recovery.page(key, body);
      },
      batch: (seq, _wall, body) => {
        recovery.batch(seq, body);
      },
      progress: parts.progress,
    });
    recovery.finish(parts.clockMs());
  } catch (error) {
    await store.close().catch(() => undefined); // What is wrong is told by the error in hand.
    throw error instanceof Damage ? damaged(from.file, error) : error;
  }
  return new ShardStore(store, recovery.shards, {
    ringBytes,
    bytesPerSecond: checkpoint.bytesPerSecond,
  });
}

/** Opens a store with a ring that takes every turn. @throws StoreFault */
export async function openStore(
  { log, clusterId, limits }: WorkerOptions,
  from: WorkerStore,
): Promise<{ readonly store: Store; readonly ringBytes: number }> {
  const ringBytes = ringBytesFor(log.ringBytes, limits);
  const store = await Store.open({
    file: from.file,
    storeIndex: from.index,
    clusterId,
    era: 0,
    create: from.create,
    storeId: from.storeId,
    ...log,
    ringBytes,
  });
  return { store, ringBytes };
}

/** The ring that was asked for, or a larger one if the largest turn that clients can bring would not fit (a power of two). */
function ringBytesFor(asked: number, limits: Limits): number {
  const requests = TURN_REQUESTS_MAX + limits.requestsPerFrameMax;
  const turn = TURN_BYTES_MAX + limits.frameBytesMax + requests * EVENT_BYTES_MAX;
  return Math.max(asked, 2 ** Math.ceil(Math.log2(turn / ROOM_FOR_TURN)));
}

/** How large the tables of a shard may grow. */
export function stateOptions(parts: Pick<RecoverParts, "options" | "hashKey">): StateOptions {
  const { limits, shards } = parts.options;
  const claims = Math.max(
    Math.min(65_536, limits.claimsPerNodeMax),
    Math.ceil((limits.claimsPerNodeMax / shards) * 1.25),
  );
  const clients = Math.ceil(claims / CLAIMS_PER_CLIENT);
  return { claims, clients, outcomes: claims * 2, limits, hashKey: parts.hashKey };
}

/** The shards of one store while they are built: it is told all pages, then all batches, and then to finish. */
export class Recovery {
  readonly shards: readonly Shard[];
  readonly #replays = new Map<number, Replay>();

  constructor(surroundings: Surroundings, state: StateOptions, of: WorkerStore["shards"]) {
    this.shards = of.map(({ shard, epoch: number }) => {
      const made = new Shard(shardIndex(shard), epoch(number), state, surroundings);
      this.#replays.set(shard, new Replay(made));
      return made;
    });
  }

  /** One checkpoint page. @throws Damage if it can't be what was written. */
  page(key: number, body: Uint8Array): void {
    this.#replayOf(shardOfPage(key)).page(key, body);
  }

  /** One batch of the log, in the order of their numbers. @throws Damage if it does not fit what came before. */
  batch(seq: number, body: Uint8Array): void {
    try {
      forEachEntry(body, (shard, view, at, size) => {
        this.#replayOf(shard).entry(body, view, at, size);
      });
    } catch (error) {
      throw error instanceof Damage ? new Damage(`batch ${seq}: ${error.message}`) : error;
    }
  }

  /** All shards go on from here, at this time of the worker's clock. @throws Damage if rows don't agree. */
  finish(clockMs: number): void {
    for (const replay of this.#replays.values()) replay.finish(clockMs);
  }

  #replayOf(shard: number): Replay {
    const replay = this.#replays.get(shard);
    if (replay === undefined) throw new Damage(`it has events of shard ${shard}, which is not of this store`);
    return replay;
  }
}

/** What is told of a store that can't be read. */
export function damaged(file: string, damage: Damage): StoreFault {
  assert(damage.message.length > 0, "damage says what it is");
  return new StoreFault({
    code: "store-damaged",
    file,
    seq: null,
    message:
      `${file} is damaged: ${damage.message}. Nothing was changed. Restore a copy of the data directory, or, ` +
      "if there is none, start with a new directory: every lock is then free, and tokens begin anew.",
  });
}
