/**
 * The tables of one shard and its place in the log. Decisions (acquire.ts, …) read them and write events; apply.ts alone
 * changes them. A backup has a state and decides nothing.
 */
import type { Limits } from "../words/limits.js";
import { LSN_NONE, type Lsn, lsn, type ShardMs, shardMs } from "../words/ids.js";
import { KeyedHash } from "../tables/keyed-hash.js";
import { Claims } from "./claims.js";
import { Clients } from "./clients.js";
import { Outcomes } from "./outcomes.js";
import { Resources } from "./resources.js";

/** What a shard's tables are made with. Capacities are rows that are reserved, not memory that is used. */
export interface StateOptions {
  readonly claims: number;
  readonly clients: number;
  readonly outcomes: number;
  readonly limits: Limits;
  /** Two random 32-bit numbers of this process, for the hash of names. */
  readonly hashKey: readonly [number, number];
}

/** What the names of a client and the metadata of a claim take at most; 1 MiB more is for a page of each size. */
const CLIENT_NAMES_BYTES = 4_096;
const METADATA_BYTES = 264;

export class State {
  readonly limits: Limits;
  readonly hash: KeyedHash;
  readonly resources: Resources;
  readonly claims: Claims;
  readonly clients: Clients;
  readonly outcomes: Outcomes;
  /** Claims that stand in queues. */
  get waiting(): number {
    return this.claims.waiting;
  }
  /** The LSN of the last event that is in the tables. */
  head: Lsn = LSN_NONE;
  /** Shard time as of the last event or stamp. */
  now: ShardMs = shardMs(0);
  /** False while a log is replayed over restored pages: rows are then of different LSNs, and assertions across rows wait. */
  inStep = true;

  constructor(options: StateOptions) {
    this.limits = options.limits;
    this.hash = new KeyedHash(options.hashKey[0], options.hashKey[1]);
    this.resources = new Resources(options.claims, this.hash);
    this.claims = new Claims(options.claims, this.resources);
    const namesBytes = options.clients * CLIENT_NAMES_BYTES + options.claims * METADATA_BYTES + 2 ** 20;
    this.clients = new Clients(options.clients, Math.min(2 ** 32, namesBytes));
    this.outcomes = new Outcomes(options.outcomes);
  }

  /** The LSN of the next event. */
  get next(): Lsn {
    return lsn(this.head + 1);
  }
}
