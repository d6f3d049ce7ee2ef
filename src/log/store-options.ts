/** The settings of one store, and what is known once it is open: the words that a worker and the store's thread share. */

/** How a store is opened. Only the first five have no default. */
export interface StoreOptions {
  /** The database; beside it lie `<file>-wal` and `<file>.mark`. */
  readonly file: string;
  /** Which store of the node it is, from 0. */
  readonly storeIndex: number;
  /** The cluster whose store it is; another's is refused. */
  readonly clusterId: string;
  /** The era that a new store begins in, from 0. */
  readonly era: number;
  /** Whether to make the file where it is missing. A store that should be there is never made anew. */
  readonly create: boolean;
  /** The id that the store must have, where it is known; null: any. */
  readonly storeId?: string | null;
  /** Bytes of the ring, a power of two from 64 KiB to 1 GiB; 16 MiB. A record has at most half of it. */
  readonly ringBytes?: number;
  /** The WAL is copied back when it has reached so many bytes; 1 MiB (measured: 1 to 2 ms each). */
  readonly copyBackBytes?: number;
  /** Rows that are only audit are kept for so long, ms by the wall clock; 24 h. */
  readonly retainMs?: number;
  /** ... and no longer than this many bytes of bodies are kept; 1 GiB. */
  readonly retainBytes?: number;
  /** Bytes of disk below which `lowDisk` is true; 64 MiB; 0: never. */
  readonly reserveBytes?: number;
}

/** Options with every default filled in. */
export type StoreSettings = Required<StoreOptions>;

/** What a shard's configuration was when this store last heard of it. */
export interface StoredShard {
  readonly shard: number;
  readonly epoch: number;
  readonly era: number;
  /** The configuration as the control plane wrote it. */
  readonly config: string;
}

/** Narrows what was written as a `StoredShard`. */
export function isStoredShard(value: unknown): value is StoredShard {
  return typeof value === "object" && value !== null && "shard" in value && "epoch" in value && "config" in value;
}

/** What is known of a store once it is open; everything in it is on disk and synced. */
export interface StoreInfo {
  readonly storeId: string;
  readonly era: number;
  /** The seq of the last batch; 0 before the first. */
  readonly lastSeq: number;
  /** The seq of the oldest batch that is still there; lastSeq + 1 where there is none. */
  readonly firstKept: number;
  readonly replayFrom: number;
  readonly pages: number;
  readonly lowDisk: boolean;
  readonly shards: readonly StoredShard[];
  /** Sentences for the log of the node, at level `warn`; mostly none. */
  readonly notices: readonly string[];
}

const MEBIBYTE = 2 ** 20;

/** Fills in what `options` leaves out. */
export function settingsOf(options: StoreOptions): StoreSettings {
  return {
    storeId: null,
    ringBytes: 16 * MEBIBYTE,
    copyBackBytes: MEBIBYTE,
    retainMs: 24 * 3600 * 1000,
    retainBytes: 1024 * MEBIBYTE,
    reserveBytes: 64 * MEBIBYTE,
    ...options,
  };
}
