/** Builds both ends of a worker's watches and joins them to its turns and its peers. */
import { crc32 } from "../words/crc32.js";
import type { Limits } from "../words/limits.js";
import type { Events } from "../tables/events.js";
import type { Shard } from "../shard/shard.js";
import type { Connections } from "./connections.js";
import type { Forwarding } from "./forwarding.js";
import { LogPlaces } from "./log-places.js";
import type { Peer } from "./peers.js";
import type { TurnLoop } from "./turn.js";
import { WatchLines } from "./watch-line.js";
import { WatchesHere } from "./watch-source.js";
import type { WatchedStore } from "./watched-store.js";
import { Watches } from "./watches.js";

/** What they are joined to. */
export interface WatchJoin {
  /** Which worker this is, and its lines to the others. */
  readonly index: number;
  readonly peers: readonly (Peer | undefined)[];
  readonly stores: readonly WatchedStore[];
  readonly connections: Connections;
  readonly loop: TurnLoop;
  readonly forwarding: Forwarding;
  readonly limits: Limits;
  /** Which worker has each shard; what is in it changes where shards go. */
  readonly workerOfShard: Uint16Array;
  /** @param crc of a name, unsigned. */
  readonly shardOf: (crc: number) => number;
  readonly schedule: () => void;
  readonly later: (act: () => void, afterMs: number) => void;
}

/** What the worker hands on. */
export interface JoinedWatches {
  readonly front: Watches;
  /** Of each entry of a turn, before it is committed (turn.ts). */
  readonly note: (shard: Shard, events: Events, from: number, firstLsn: number) => void;
  /** After each turn. */
  readonly turned: () => void;
  /** Who decided for a shard of one of the stores does no more. */
  readonly left: (shard: number) => void;
  /** The connection to a worker of another node is gone. */
  readonly lost: (worker: number) => void;
  /** A connection to a worker of another node stands. */
  readonly met: (worker: number) => void;
}

/** A part of the past is at most this, and this share of what may wait for a client that does not read. */
const PART_BYTES = 64 * 1_024;
const PART_SHARE = 1 / 4;
const encoder = new TextEncoder();

/** Joins them. */
export function joinWatches(join: WatchJoin): JoinedWatches {
  const { index, peers, stores, connections, loop, forwarding, limits, workerOfShard, schedule, later } = join;
  const lines = new WatchLines(index, peers);
  const afterTurn = (act: () => void): void => {
    loop.afterTurn(act);
  };
  const shardOf = (resource: string): number => {
    const bytes = encoder.encode(resource);
    return join.shardOf(crc32(bytes, 0, bytes.length, 0));
  };
  const source = new WatchesHere({
    lines,
    logs: stores.map((of) => ({ of, places: new LogPlaces(of) })),
    partBytes: Math.min(PART_BYTES, limits.unsentBytesMax * PART_SHARE),
    afterTurn,
    whenCommittedOf: (of, act) => {
      loop.whenCommittedOf(of, act);
    },
    schedule,
  });
  const front = new Watches({
    connections,
    limits,
    lines,
    workerOfShard,
    shardOf,
    isReachable: (worker) => worker === index || forwarding.isReachable(worker),
    schedule,
    afterTurn,
    later,
  });
  lines.source = source;
  lines.front = front;
  forwarding.onWatch = (worker, record) => {
    lines.receive(worker, record);
  };
  return {
    front,
    note: (shard, events, from, firstLsn) => {
      source.note(shard, events, from, firstLsn);
    },
    turned: () => {
      source.turned();
    },
    left: (shard) => {
      source.left(shard);
    },
    lost: (worker) => {
      source.lost(worker);
      front.lost(worker);
    },
    met: (worker) => {
      source.lost(worker);
      front.met(worker);
    },
  };
}
