/** The test vectors of the protocol, by the clients in other languages: what bytes mean, and which bytes say the same. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Packr } from "msgpackr";
import { z } from "zod";
import { root } from "../house/house.js";
import { freshDirectory } from "../node/server-process.js";
import { go, python } from "./languages.js";
import { ProcessDriver } from "./process-driver.js";

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });
const file = z.object({ frames: z.array(z.object({ name: z.string(), hex: z.string(), messages: z.unknown() })) });
const { frames } = file.parse(JSON.parse(readFileSync(join(root, "test/protocol/vectors.json"), "utf8")));

for (const { name, missing, make } of [python, go]) {
  describe(`vectors of the ${name} client`, { skip: missing }, () => {
    test("each frame means what is written beside it, and is written so that it means the same", async () => {
      const driver = new ProcessDriver(make(freshDirectory()));
      assert.ok(frames.length > 40, `${frames.length} frames`);
      for (const frame of frames) {
        const read = await driver.carryOut({ verb: "decode", hex: frame.hex });
        assert.deepEqual(JSON.parse(String(read["json"])), frame.messages, frame.name);
        const written = await driver.carryOut({ verb: "encode", json: JSON.stringify(frame.messages) });
        const meant: unknown = packr.unpack(Buffer.from(String(written["hex"]), "hex"));
        assert.deepEqual(plain(meant), frame.messages, frame.name);
      }
      await driver.end();
    });
  });
}

/** Byte strings as the vectors have them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bin: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
