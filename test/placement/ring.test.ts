// The map from resources to shards: even, the same for ever, and hash-ring's own clockwise order.
import assert from "node:assert/strict";
import { test } from "node:test";
import HashRing from "hash-ring";
import { makeRing, Ring, ringOf } from "../../src/placement/ring.js";
import { BrokenInvariant } from "../../src/words/assert.js";
import { crc32 } from "../../src/words/crc32.js";

const NAMES = 1_000_000;
const encoder = new TextEncoder();
const name = new Uint8Array(64);

function shardOf(ring: Ring, resource: string): number {
  const { written } = encoder.encodeInto(resource, name);
  return ring.shardOf(crc32(name, 0, written, 0));
}

const made = new Map<number, Ring>();
/** A ring that is made once for all tests. */
function ringFor(shards: number): Ring {
  const ring = made.get(shards) ?? ringOf(shards);
  made.set(shards, ring);
  return ring;
}

/** A bijection of 32-bit numbers (MurmurHash3's finalizer): names look random and are the same each time. */
function mixed(number: number): string {
  let x = number ^ (number >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0).toString(16).padStart(8, "0");
}

const SHAPES: Readonly<Record<string, (index: number) => string>> = {
  "order:N": (index) => `order:${index}`,
  "names with a UUID": (index) => {
    const low = mixed(index);
    const high = mixed(~index);
    return `user:${low}-${high.slice(0, 4)}-4${high.slice(5)}-a${low.slice(1, 4)}-${high}${low.slice(4)}`;
  },
  "names in sequence with leading zeros": (index) => `job:nightly/${String(index).padStart(12, "0")}`,
};

const SIZES = [2, 3, 5, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096];

for (const [shape, nameOf] of Object.entries(SHAPES)) {
  test(`of a million ${shape} the busiest shard gets at most 1.25 times the mean, however many shards there are`, () => {
    const crcs = Uint32Array.from({ length: NAMES }, (_, index) => {
      const { written } = encoder.encodeInto(nameOf(index), name);
      return crc32(name, 0, written, 0);
    });
    for (const shards of SIZES) {
      const ring = ringFor(shards);
      const counts = new Uint32Array(shards);
      for (const crc of crcs) {
        const shard = ring.shardOf(crc);
        counts[shard] = (counts[shard] ?? 0) + 1;
      }
      const busiest = (counts.reduce((most, count) => Math.max(most, count), 0) / NAMES) * shards;
      assert.ok(busiest <= 1.25, `the busiest of ${shards}: ${busiest} times the mean`);
      if (shards <= 64)
        assert.ok(
          counts.every((count) => count >= (0.75 * NAMES) / shards),
          `the idlest of ${shards}`,
        );
    }
  });
}

test("the ring of 4,096 shards is made within a second and a half of this thread's time", () => {
  const before = process.cpuUsage();
  ringOf(4_096);
  const { user, system } = process.cpuUsage(before);
  assert.ok((user + system) / 1e6 < 1.5, `${(user + system) / 1e6} s`);
});

test("the committed ring of 64 shards is the one that hash-ring's points make", () => {
  const made = makeRing(64);
  const committed = ringOf(64);
  assert.deepEqual(committed.slots, made.slots);
  assert.equal(committed.id, made.id);
  assert.equal(committed.shards, 64);
});

test("golden look-ups: these resources are in these shards for ever", () => {
  const ring = ringOf(64);
  const resources = [
    "order:12345",
    "order:12346",
    "a:b",
    "user:alice",
    "job:nightly",
    "größe:ß",
    "日本:語",
    "emoji:🔒",
  ];
  assert.deepEqual(
    resources.map((resource) => [resource, shardOf(ring, resource)]),
    [
      ["order:12345", 54],
      ["order:12346", 17],
      ["a:b", 17],
      ["user:alice", 61],
      ["job:nightly", 10],
      ["größe:ß", 61],
      ["日本:語", 46],
      ["emoji:🔒", 52],
    ],
  );
  assert.equal(ring.id, 1_992_059_217);
});

test("golden ids: the rings of other sizes never change either", () => {
  assert.deepEqual(
    [1, ...SIZES].map((shards) => [shards, ringFor(shards).id]),
    [
      [1, 2_129_186_253],
      [2, 1_608_108_333],
      [3, 370_865_966],
      [5, 4_120_057_853],
      [8, 3_125_557_498],
      [16, 2_647_725_164],
      [32, 3_796_424_121],
      [64, 1_992_059_217],
      [128, 594_210_252],
      [256, 3_996_418_536],
      [512, 2_453_517_724],
      [1_024, 2_627_883_782],
      [4_096, 2_449_300_083],
    ],
  );
});

test("each slot belongs to the first point at or after it, clockwise, as a search of all points finds it", () => {
  const shards = 5;
  const points: (readonly [bigint, number])[] = [];
  for (let shard = 0; shard < shards; shard += 1) {
    const { rings } = new HashRing([`shard-${shard}`], { hashMethod: "md5", replicas: 512 });
    for (const point of Object.keys(rings)) points.push([BigInt.asUintN(64, BigInt(point)), shard]);
  }
  const { slots } = makeRing(shards);
  const probes = [0, 1, 2, 255, 256, 32_767, 32_768, 65_534, 65_535];
  for (let slot = 97; slot < slots.length; slot += 97) probes.push(slot);
  for (const slot of probes) {
    const start = BigInt(slot) << 48n;
    let nearest = 2n ** 64n;
    let owner = -1;
    for (const [position, shard] of points) {
      const distance = BigInt.asUintN(64, position - start);
      if (distance < nearest) {
        nearest = distance;
        owner = shard;
      }
    }
    assert.equal(slots[slot], owner, `slot ${slot}`);
  }
});

test("a shard more takes slots from the others and moves none between them", () => {
  const before = makeRing(8).slots;
  const after = makeRing(9).slots;
  let moved = 0;
  for (const [slot, shard] of after.entries()) {
    if (shard === before[slot]) continue;
    assert.equal(shard, 8, `slot ${slot}`);
    moved += 1;
  }
  assert.ok(moved > 0 && moved < (65_536 / 9) * 1.5, `${moved} slots moved`);
});

test("one shard has everything", () => {
  assert.ok(ringOf(1).slots.every((shard) => shard === 0));
});

test("the slot is the high bits of the CRC-32, up to the largest", () => {
  const ring = ringOf(64);
  for (const slot of [0, 1, 32_767, 32_768, 65_535]) {
    assert.equal(ring.shardOf(slot * 65_536), ring.slots[slot]);
    assert.equal(ring.shardOf(slot * 65_536 + 65_535), ring.slots[slot]);
  }
});

test("a ring of 1,024 shards has 2^20 slots, and every shard some", () => {
  const ring = makeRing(1_024);
  assert.equal(ring.slots.length, 2 ** 20);
  assert.equal(new Set(ring.slots).size, 1_024);
  assert.equal(ring.shardOf(0xffff_ffff), ring.slots[2 ** 20 - 1]);
});

test("a number of shards that no cluster has is our bug", () => {
  for (const shards of [0, -1, 4_097, 1.5, Number.NaN]) assert.throws(() => ringOf(shards), BrokenInvariant);
  assert.throws(() => new Ring(2, new Uint16Array(100)), BrokenInvariant);
  assert.throws(() => new Ring(2, new Uint16Array(65_536).fill(2)), BrokenInvariant);
});
