/** Nothing from outside gets past the decoder before it has the shape that the specification promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seedOfRun } from "../tables/random.js";
import { DecoderRig } from "./decoder-rig.js";
import { fuzz } from "./fuzz-frames.js";

const FRAMES = Number(process.env["FRAMES"] ?? 50_000);

test("messages with fields of any format, edge and length become rows, faults or the reason of a close", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const seen = fuzz("grammar", seed, FRAMES);
  for (const what of ["row", "fault", "rare", "forward", "moved", "void", "reject"]) {
    assert.ok((seen.get(what) ?? 0) > FRAMES / 10_000, `hardly any message became a ${what}: the frames are too wild`);
  }
});

test("damaged frames and any other bytes become rows, faults or the reason of a close", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  fuzz("blind", seed, FRAMES);
});

test("bombs are refused in little time and take no memory", () => {
  const rig = new DecoderRig();
  const startMs = performance.now();
  const bombs: readonly (readonly number[])[] = [
    [0xdd, 0xff, 0xff, 0xff, 0xff],
    [0x91, 0xdd, 0xff, 0xff, 0xff, 0xff],
    [0x91, 0x93, 13, 1, 0xdb, 0xff, 0xff, 0xff, 0xff],
    [0x91, 0x93, 99, 1, 0xdf, 0xff, 0xff, 0xff, 0xff],
    [0x91, 0x93, 99, 1, 0xc9, 0xff, 0xff, 0xff, 0xff, 1],
    [0x91, 0x93, 99, 1, ...Array.from({ length: 100_000 }, () => 0x91)],
    [0x91, 0x93, 99, 1, ...Array.from({ length: 100_000 }, () => 0x81)],
    Array.from({ length: 100_000 }, () => 0xdd),
  ];
  for (const bomb of bombs) {
    rig.decode(Uint8Array.from(bomb));
    assert.deepEqual(
      rig.said.map(({ what }) => what),
      ["reject"],
      Buffer.from(bomb.slice(0, 20)).toString("hex"),
    );
    assert.equal(rig.inbox.count, 0);
  }
  assert.ok(performance.now() - startMs < 2_000);
});
