/** A log of replicas keeps what was cut off again: whoever tells of it must know which entries never came to be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { xxhash32 } from "../../src/words/xxhash32.js";
import type { LogRowRead } from "../../src/log/log-store.js";
import { ENTRY_FORMAT, ENTRY_HEADER_SIZE } from "../../src/tables/events.js";
import { LogCuts } from "../../src/worker/log-cuts.js";
import { RECORD_BASE, RECORD_CUT } from "../../src/worker/replica-log.js";

const SHARD = 3;

/** A record of 80 bytes, as replica-log.ts lays it out. */
function record(format: number, lsn: number, shard = SHARD): Uint8Array {
  const bytes = new Uint8Array(ENTRY_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ENTRY_HEADER_SIZE, true);
  view.setUint32(4, shard, true);
  view.setFloat64(8, lsn, true);
  view.setUint32(56, format, true);
  view.setUint32(60, xxhash32(view, 0, ENTRY_HEADER_SIZE, 0), true);
  return bytes;
}

function row(seq: number, ...records: readonly Uint8Array[]): LogRowRead {
  return { seq, wall: 0, body: Buffer.concat(records) };
}

test("R-7: what stands before a cut and behind its LSN never was; what stands behind the cut is in its place", () => {
  const cuts = new LogCuts();
  cuts.read(row(5, record(ENTRY_FORMAT, 10), record(RECORD_CUT, 10), record(ENTRY_FORMAT, 11)));
  const last = 2 * ENTRY_HEADER_SIZE;
  assert.equal(cuts.isCut(SHARD, { seq: 4, at: 0 }, 11), true, "in an earlier batch");
  assert.equal(cuts.isCut(SHARD, { seq: 5, at: 0 }, 12), true, "in the same batch, before the cut");
  assert.equal(cuts.isCut(SHARD, { seq: 5, at: last }, 12), false, "in the same batch, behind the cut");
  assert.equal(cuts.isCut(SHARD, { seq: 6, at: 0 }, 12), false, "in a later batch");
  assert.equal(cuts.isCut(SHARD, { seq: 4, at: 0 }, 10), false, "up to the cut's LSN all stays");
  assert.equal(cuts.isCut(SHARD + 1, { seq: 4, at: 0 }, 11), false, "another shard's entry stays");
});

test("R-13: where a part began anew from pages, nothing before it counts", () => {
  const cuts = new LogCuts();
  cuts.read(row(9, record(RECORD_BASE, 500)));
  assert.equal(cuts.isCut(SHARD, { seq: 8, at: 0 }, 1), true);
  assert.equal(cuts.isCut(SHARD, { seq: 10, at: 0 }, 501), false);
});
