/**
 * Hot path: which shard has a resource. Every client and every node must give the same answer for ever, so the map is
 * a table: made once from hash-ring's points, pinned for 64 shards by ring-64.ts, and read with one shift and one load
 * (12 ns at random slots).
 *
 *     CRC-32 of the name   rrrrrrrr rrrrrrrr xxxxxxxx xxxxxxxx     r: slot (20 bits from 1,024 shards up)
 *     circle of slots      |--0--|--1--|--2--|--3--| ... |--65,535--|
 *     points               ^5     ^61  ^61      ^9           (2^64 positions, so many points for each shard)
 *     slots[i]             the shard of the first point at or after the slot's first position, clockwise; with more than
 *                          64 shards, of the first whose shard is not full (consistent hashing with bounded loads)
 */
import HashRing from "hash-ring";
import { assert, outOfRange } from "../words/assert.js";
import { crc32 } from "../words/crc32.js";
import { type ShardIndex, shardIndex } from "../words/ids.js";
import { RING_64_DIGITS, RING_64_RUNS } from "./ring-64.js";
import { SHARDS_MAX } from "./spread.js";

/** So many shards most clusters have; their ring is pinned. With 128 points the busiest gets 1.23 times the mean. */
const PINNED_SHARDS = 64;
const PINNED_POINTS = 128;
/** Fewer shards: more points are cheap, and the busiest of 63 gets 1.15 times the mean. */
const POINTS_OF_FEW = 512;
/** More shards: hash-ring takes 8 us a point, so that all shards together get so many, and bounds make them even. */
const POINTS_OF_MANY = 32_768;
const POINTS_MIN = 16;
/** No shard of many has more slots than this, of the mean: what is left to see is the noise of the names. */
const SLOTS_MAX = 1.01;
const POSITION_BITS = 64;
const SLOT_BITS = 16;
/** With 2^16 slots a shard of 1,024 would have 64 slots, and the rounding of its points would show. */
const SLOT_BITS_MANY = 20;
const MANY_SHARDS = 1_024;

interface Point {
  readonly position: bigint;
  readonly shard: number;
}

/** The map from resources to shards. It never changes in the life of a cluster. */
export class Ring {
  /** How many shards the slots name, 1 to 4,096. */
  readonly shards: number;
  /** The shard of each slot; lent, not to be written. */
  readonly slots: Uint16Array;
  /** CRC-32 of the slots as little-endian 16-bit numbers: two that talk compare it before they route. */
  readonly id: number;
  readonly #shift: number;

  /** @param slots 2^16 of them, 2^20 from 1,024 shards up, each below `shards`; kept, not copied. */
  constructor(shards: number, slots: Uint16Array) {
    const bits = slotBits(shards);
    assert(slots.length === 2 ** bits, "a ring has 2^16 slots, 2^20 from 1,024 shards up");
    for (const shard of slots) assert(shard < shards, "a slot of the ring names a shard that there is");
    this.shards = shards;
    this.slots = slots;
    this.id = checksum(slots);
    this.#shift = 32 - bits;
  }

  /** @param crc the CRC-32 of the resource's UTF-8, unsigned. */
  shardOf(crc: number): ShardIndex {
    const slot = crc >>> this.#shift;
    return shardIndex(this.slots[slot] ?? outOfRange(slot));
  }
}

/**
 * The ring of a cluster: the committed table for 64 shards (20 ms in a cold thread, 3 ms later), else {@link makeRing}.
 * @param shards 1 to 4,096.
 */
export function ringOf(shards: number): Ring {
  return shards === PINNED_SHARDS ? new Ring(shards, readRuns(RING_64_RUNS, 2 ** SLOT_BITS)) : makeRing(shards);
}

/**
 * Makes a ring from hash-ring's points; 0.1 s for 64 shards, 1.2 s for 4,096: a node does that once and shares the
 * slots. Of a million names the busiest shard gets at most 1.25 times the mean, whatever the count of shards.
 * @param shards 1 to 4,096.
 */
export function makeRing(shards: number): Ring {
  assert(Number.isInteger(shards) && shards >= 1 && shards <= SHARDS_MAX, "a ring has 1 to 4,096 shards");
  const points: Point[] = [];
  for (let shard = 0; shard < shards; shard += 1) addPoints(points, shard, pointsOf(shards));
  points.sort(byPosition);

  const bits = slotBits(shards);
  const slots = new Uint16Array(2 ** bits);
  const slotsMax = shards > PINNED_SHARDS ? Math.ceil((slots.length / shards) * SLOTS_MAX) : slots.length;
  const taken = new Uint32Array(shards);
  const slotWidth = 1n << BigInt(POSITION_BITS - bits);
  let start = 0n;
  let next = 0;
  for (let slot = 0; slot < slots.length; slot += 1) {
    while (next < points.length && pointAt(points, next).position < start) next += 1;
    let at = next % points.length;
    while ((taken[pointAt(points, at).shard] ?? outOfRange(at)) >= slotsMax) at = (at + 1) % points.length;
    const { shard } = pointAt(points, at);
    taken[shard] = (taken[shard] ?? outOfRange(shard)) + 1;
    slots[slot] = shard;
    start += slotWidth;
  }
  return new Ring(shards, slots);
}

function pointsOf(shards: number): number {
  if (shards === PINNED_SHARDS) return PINNED_POINTS;
  return shards < PINNED_SHARDS ? POINTS_OF_FEW : Math.max(POINTS_MIN, Math.floor(POINTS_OF_MANY / shards));
}

/** One HashRing for each shard: a common one sorts all its points anew for each shard that is added. */
function addPoints(points: Point[], shard: number, count: number): void {
  const { rings } = new HashRing([`shard-${shard}`], { hashMethod: "md5", replicas: count });
  for (const point of Object.keys(rings)) {
    points.push({ position: BigInt.asUintN(POSITION_BITS, BigInt(point)), shard });
  }
}

/** By position; two shards at one position in the order of their numbers, so the smaller one has it. */
function byPosition(left: Point, right: Point): number {
  if (left.position !== right.position) return left.position < right.position ? -1 : 1;
  return left.shard - right.shard;
}

function pointAt(points: readonly Point[], index: number): Point {
  return points[index] ?? outOfRange(index);
}

function slotBits(shards: number): number {
  return shards >= MANY_SHARDS ? SLOT_BITS_MANY : SLOT_BITS;
}

/** Little-endian whatever the machine is, because the id travels. */
function checksum(slots: Uint16Array): number {
  const bytes = new Uint8Array(slots.length * 2);
  let at = 0;
  for (const shard of slots) {
    bytes[at] = shard & 0xff;
    bytes[at + 1] = shard >>> 8;
    at += 2;
  }
  return crc32(bytes, 0, bytes.length, 0);
}

/** Undoes the runs of ring-64.ts: a digit for the shard, then one for the length of its run less one. */
function readRuns(runs: string, slotCount: number): Uint16Array {
  const slots = new Uint16Array(slotCount);
  let slot = 0;
  for (let at = 0; at < runs.length; at += 2) {
    const end = slot + RING_64_DIGITS.indexOf(runs.charAt(at + 1)) + 1;
    slots.fill(RING_64_DIGITS.indexOf(runs.charAt(at)), slot, end);
    slot = end;
  }
  assert(slot === slotCount, "the runs of the committed ring fill all its slots");
  return slots;
}
