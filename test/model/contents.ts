/**
 * What the explorer's entries say: a lock of one resource and two clients. Replication never looks into an entry, so an
 * entry's checksum is here the number of its whole chain, and what the lock is after a chain is known by that number.
 */
import { type Entry, NOWHERE, type Position } from "../../src/replication/entry.js";
import { type Epoch, epoch, type Lsn, lsn, shardMs } from "../../src/words/ids.js";

/** What an entry does. */
export interface Act {
  readonly kind: "granted" | "released" | "expired";
  readonly client: number;
}

/** The lock after a chain. */
export interface Lock {
  /** -1: free. */
  readonly holder: number;
  /** The LSN of the grant; of the last one where it is free. */
  readonly token: number;
}

interface Chain {
  readonly position: Position;
  readonly lock: Lock;
  readonly hash: number;
}

const ERA_SIZE = 2 ** 40;
const BYTES = new Uint8Array(1);
const ACTS: readonly Act["kind"][] = ["granted", "released", "expired"];
const FREE: Lock = { holder: -1, token: 0 };
const chains: Chain[] = [{ position: NOWHERE, lock: FREE, hash: 1 }];
const known = new Map<string, number>();

/** The lock as it is after the chain that ends so, for a primary of this era: a new one begins without claims. */
export function lockAt(position: Position, era: number): Lock {
  const { lock } = chainAt(position);
  return position.lsn < era * ERA_SIZE ? { holder: -1, token: lock.token } : lock;
}

/** A number that two chains of the same content share. */
export function hashOfChain(position: Position): number {
  return chainAt(position).hash;
}

function chainAt(position: Position): Chain {
  const chain = chains[position.checksum];
  if (chain === undefined) throw new Error(`no chain ends at ${JSON.stringify(position)}`);
  return chain;
}

/** The head that an entry is written with. */
export interface Head {
  readonly epoch: Epoch;
  readonly era: number;
  readonly previous: Position;
  readonly committed: Lsn;
}

/** The entry that continues `previous` with this act. */
export function entryOf({ epoch: at, era, previous, committed }: Head, act: Act): Entry {
  const end = lsn(Math.max(previous.lsn, era * ERA_SIZE) + 1);
  const checksum = chainOf(previous, at, end, act);
  const position = { epoch: at, lsn: end, checksum };
  return { position, previous, firstLsn: end, stamp: shardMs(0), committed, bytes: BYTES };
}

function chainOf(previous: Position, at: Epoch, end: Lsn, act: Act): number {
  const key = `${previous.checksum}/${at}/${end}/${act.kind}/${act.client}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const before = chainAt(previous);
  const token = before.lock.token;
  const lock: Lock = act.kind === "granted" ? { holder: act.client, token: end } : { holder: -1, token };
  const mixed = Math.imul(before.hash ^ (at * 64 + ACTS.indexOf(act.kind) * 4 + act.client + 1), 0x9e3779b1);
  const hash = Math.imul(mixed ^ (mixed >>> 15) ^ (end % 1_024), 0x85ebca6b) | 0;
  const number = chains.length;
  chains.push({ position: { epoch: epoch(at), lsn: end, checksum: number }, lock, hash });
  known.set(key, number);
  return number;
}
