/**
 * The names of our numbers. Two numbers that mean different things must not be swapped by accident, so each has a
 * brand, and this room is the only one that may put it on.
 */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Log sequence number: `era * 2^40 + n`. The LSN of a grant is its fencing token. A safe integer. */
export type Lsn = Branded<number, "Lsn">;
/** Number of a shard's configuration. */
export type Epoch = Branded<number, "Epoch">;
/** Shard time in milliseconds, with a fraction. */
export type ShardMs = Branded<number, "ShardMs">;
/** Which shard, from 0. */
export type ShardIndex = Branded<number, "ShardIndex">;
/** A row of the claims table; 0 is no claim. */
export type ClaimRow = Branded<number, "ClaimRow">;
/** A row of the resources table; 0 is no resource. */
export type ResourceRow = Branded<number, "ResourceRow">;
/** A row of the clients table: a session, or whoever claims without one; 0 is nobody. */
export type ClientRow = Branded<number, "ClientRow">;

/** The LSN before the first event of a log. */
export const LSN_NONE: Lsn = 0 as Lsn;

export function lsn(value: number): Lsn {
  return value as Lsn;
}
export function epoch(value: number): Epoch {
  return value as Epoch;
}
export function shardMs(value: number): ShardMs {
  return value as ShardMs;
}
export function shardIndex(value: number): ShardIndex {
  return value as ShardIndex;
}
export function claimRow(value: number): ClaimRow {
  return value as ClaimRow;
}
export function resourceRow(value: number): ResourceRow {
  return value as ResourceRow;
}
export function clientRow(value: number): ClientRow {
  return value as ClientRow;
}

const LSNS_OF_ERA = 2 ** 40;

/** The LSN before the first one of an era. */
export function beforeEra(era: number): Lsn {
  return lsn(era * LSNS_OF_ERA);
}
