/**
 * Replay: checkpoint and log together give the living tables, byte for byte. Run at the end, when all is committed: a
 * second set of shards is built from what is on the disk, and every page of both is compared.
 */
import { ByteBuffer } from "../../../src/tables/byte-buffer.js";
import { PAGE_CLAIMS, PAGE_CLIENTS, writePage } from "../../../src/shard/replay.js";
import type { Shard } from "../../../src/shard/shard.js";
import type { SimulatedMember } from "../cast/member.js";
import type { SimulatedNode } from "../cast/node.js";
import { hexOf } from "../log-reader.js";
import { Violation } from "./checker.js";

/** Pages of tables of 512 rows. */
const PAGES = new Map([
  [PAGE_CLAIMS, 9],
  [PAGE_CLIENTS, 33],
]);

const one = new ByteBuffer(16_384, 2 ** 24);
const other = new ByteBuffer(16_384, 2 ** 24);

/** Compares a node's living tables with what its disks would give. @throws Violation */
export function checkReplay(node: SimulatedNode): void {
  if (!node.machine.isUp || node.isStuck) throw new Violation("INV-9", `${node.name} is not up and quiet at the end`);
  const living = node.shardStores.flatMap(({ shards }) => shards);
  for (const again of node.readAgain()) {
    const shard = living.find(({ index }) => index === again.index);
    if (shard === undefined) continue;
    compare(node.name, shard, again);
  }
}

/** Compares the tables of a member's replicas, backups too, with what its stores would give. @throws Violation */
export function checkReplicas(member: SimulatedMember): void {
  for (const seat of member.seats) {
    const { shard, replica } = seat;
    if (shard.state.head > replica.state.committed) continue; // It runs ahead; the last word of a run may be under way.
    compare(member.name, shard, seat.readAgain());
  }
}

function compare(where: string, shard: Shard, again: Shard): void {
  for (const [kind, count] of PAGES) {
    for (let page = 0; page < count; page++) {
      writePageTo(one, shard, kind, page);
      writePageTo(other, again, kind, page);
      if (isSame()) continue;
      const at = `${where}, shard ${shard.index}, page ${page} of kind ${kind}, LSN ${shard.state.head}`;
      const both = [one, other].map(({ bytes, length }) => hexOf(bytes, 0, length)).join("\n");
      throw new Violation("replay", `${at}: the living table and the replayed one differ\n${both}`);
    }
  }
}

function writePageTo(buffer: ByteBuffer, shard: Shard, kind: number, page: number): void {
  buffer.reset();
  writePage(shard, kind, page, buffer);
}

function isSame(): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one.bytes[at] !== other.bytes[at]) return false;
  return true;
}
