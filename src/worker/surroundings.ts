/** What a worker is built around: the tables that all its shards share, and the facts that its clients are told. */
import { Counters } from "../engine/engine.js";
import { Ring } from "../placement/ring.js";
import { Events } from "../tables/events.js";
import { Inbox } from "../tables/inbox.js";
import { KeyedHash } from "../tables/keyed-hash.js";
import { Paths } from "../tables/paths.js";
import { OfficeClock } from "./clock.js";
import type { ClusterView } from "./cluster-view.js";
import { TURN_REQUESTS_MAX } from "./front.js";
import type { WelcomeFacts } from "./handshake.js";
import type { WorkerOptions } from "./options.js";

/** How many connections a worker takes. */
export const CONNECTIONS_MAX: number = 65_536;
const PATHS_MAX = 2 ** 20;
/** A path remembers a row for each shard: with very many shards there are fewer paths. */
const PATH_SHARDS_MAX = 2 ** 28;
const EVENTS_BYTES_MAX = 2 ** 26;
const INBOX_BYTES_MAX = 2 ** 27;

/** The tables and the clock. */
export interface Surroundings {
  readonly inbox: Inbox;
  readonly paths: Paths;
  readonly events: Events;
  readonly counters: Counters;
  readonly clock: OfficeClock;
}

/** Makes them. @param hashKey two random numbers of this process. @param readClock as OfficeClock has it. */
export function surroundingsOf(
  options: WorkerOptions,
  hashKey: readonly [number, number],
  readClock?: () => number,
): Surroundings {
  const { shards, limits } = options;
  return {
    inbox: new Inbox({
      capacity: TURN_REQUESTS_MAX + limits.requestsPerFrameMax,
      shards,
      frameBytesInitial: 2 ** 20,
      frameBytesMax: INBOX_BYTES_MAX,
    }),
    paths: new Paths({
      capacity: Math.min(PATHS_MAX, Math.floor(PATH_SHARDS_MAX / shards)),
      connections: CONNECTIONS_MAX,
      shards,
      start: options.start,
      hash: new KeyedHash(hashKey[0], hashKey[1]),
    }),
    events: new Events(2 ** 20, EVENTS_BYTES_MAX),
    counters: new Counters(),
    clock: new OfficeClock(readClock),
  };
}

/** What WELCOME tells. @param view of the cluster, where there is one: its map changes */
export function factsOf(options: WorkerOptions, ring: Ring, view: ClusterView | undefined): WelcomeFacts {
  const bytes = Buffer.alloc(ring.slots.length * 2);
  ring.slots.forEach((shard, slot) => bytes.writeUInt16LE(shard, slot * 2));
  const alone = {
    version: 1,
    shards: options.shards,
    ringId: ring.id,
    workers: options.addresses,
    owners: [...options.workerOfShard],
  };
  const { cluster, addresses, index } = options;
  return {
    server: `holdfast/${options.version}`,
    node: options.node,
    worker: cluster === null ? index : cluster.place * addresses.length + index,
    limits: options.limits,
    get map() {
      return view?.map ?? alone;
    },
    ring: bytes,
  };
}

/** The ring that the node has made, for all its workers. */
export function ringOfNode({ shards, ringSlots }: WorkerOptions): Ring {
  return new Ring(shards, ringSlots);
}
