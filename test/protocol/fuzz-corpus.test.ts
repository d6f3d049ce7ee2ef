/**
 * Frames that once broke a decoder, or that stand at an edge, each in a file of test/protocol/corpus: comments that say
 * why, `expect:` with what becomes of it, and its bytes in hexadecimal. A file without `expect:` need only be survived.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../house/house.js";
import { DecoderRig } from "./decoder-rig.js";
import { checkOne } from "./fuzz-frames.js";

const folder = join(root, "test/protocol/corpus");
const names = readdirSync(folder).filter((name) => name.endsWith(".hex"));
const FILES_MIN = 20;

interface Example {
  readonly bytes: Uint8Array;
  readonly expected: string | undefined;
}

function read(name: string): Example {
  const lines = readFileSync(join(folder, name), "utf8").split("\n");
  const notes = lines.filter((line) => line.startsWith("#"));
  const hex = lines.filter((line) => !line.startsWith("#")).join("");
  const digits = hex.replaceAll(/\s/g, "");
  assert.match(digits, /^(?:[0-9a-f]{2})*$/, `${name} is not in hexadecimal`);
  const expected = notes.flatMap((line) => /^# expect: (.*)$/.exec(line)?.[1] ?? [])[0];
  return { bytes: Buffer.from(digits, "hex"), expected };
}

/** Its rows and what the decoder said, in the words of the files. */
function outcomeOf(rig: DecoderRig): string {
  const said = rig.said.map((one) =>
    one.what === "fault" || one.what === "reject" ? `${one.what} ${one.code}` : one.what,
  );
  return [...rig.requests().map(({ op }) => `row ${op}`), ...said].join(", ");
}

test("every frame of the corpus is borne, and becomes what it always became", () => {
  assert.ok(names.length >= FILES_MIN, `only ${names.length} files`);
  const rig = new DecoderRig();
  for (const name of names) {
    const { bytes, expected } = read(name);
    try {
      checkOne(rig, bytes);
    } catch (error) {
      throw new Error(`${name}: ${String(error)}`, { cause: error });
    }
    if (expected !== undefined) assert.equal(outcomeOf(rig), expected, name);
  }
});
