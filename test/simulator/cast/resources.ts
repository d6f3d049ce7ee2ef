/** The resources that simulated clients fight for, and the shard of each, by the real ring. */
import { ringOf, type Ring } from "../../../src/placement/ring.js";
import { crc32 } from "../../../src/words/crc32.js";

const rings = new Map<number, Ring>();
const shards = new Map<string, number>();
const encoder = new TextEncoder();

/** The ring of a cluster of so many shards; made once a process, because that takes some milliseconds. */
export function ringWith(count: number): Ring {
  let ring = rings.get(count);
  if (ring === undefined) {
    ring = ringOf(count);
    rings.set(count, ring);
  }
  return ring;
}

/** Which of so many shards has a resource. */
export function resourceShard(resource: string, count: number): number {
  const key = `${count} ${resource}`;
  let shard = shards.get(key);
  if (shard === undefined) {
    const bytes = encoder.encode(resource);
    shard = ringWith(count).shardOf(crc32(bytes, 0, bytes.length, 0));
    shards.set(key, shard);
  }
  return shard;
}

/** The names of a cluster; no two clusters share one. */
export function resourceNames(cluster: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${cluster}:r${index}`);
}
