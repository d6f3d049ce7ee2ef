/** The rooms of src import what the record allows, by a reader of our own. */
import assert from "node:assert/strict";
import test from "node:test";
import { assertNone, readRooms, readSources } from "./house.js";
import { complaintsAbout, importsOf } from "./imports.js";

const rooms = readRooms();

test("every import stays within what the record of rooms allows", () => {
  const files = readSources();
  const imports = files.flatMap(importsOf);
  assert.ok(imports.length >= files.length, "a reader that finds fewer imports than files reads nothing");

  assertNone(complaintsAbout(imports, rooms, new Set(files.map((file) => file.path))));
});

test("the reader of imports sees each form of import, over lines too", () => {
  const text = [
    'import { a,\n  b } from "./one.js";',
    'import type { C } from "../words/two.js";',
    'import "node:fs";',
    'export { d } from "./three.js";',
    'export const e = (await import("msgpackr")).pack;',
    'let f: import("./four.js").F;',
    '// import { g } from "./not-this.js";',
  ].join("\n");

  const targets = importsOf({ path: "src/engine/x.ts", text }).map((found) => found.target);

  assert.deepEqual(targets.sort(), [
    "msgpackr",
    "node:fs",
    "src/engine/four.ts",
    "src/engine/one.ts",
    "src/engine/three.ts",
    "src/words/two.ts",
  ]);
});

test("imports that break the record are named", () => {
  const wrong = new Map([
    ['import { a } from "../worker/turn.js";', /may import words, tables$/],
    ['import { a } from "../../test/x.js";', /may import words, tables$/],
    ['import { a } from "node:fs";', /pure room/],
    ['import { a } from "msgpackr";', /pure room/],
    ['import { a } from "../words/ids";', /does not end in \.js/],
    ['import { a } from "../words/gone.js";', /there is no src\/words\/gone\.ts/],
  ]);
  const paths = new Set(["src/worker/turn.ts", "src/words/ids.ts", "test/x.ts"]);
  for (const [text, complaint] of wrong) {
    const complaints = complaintsAbout(importsOf({ path: "src/engine/x.ts", text }), rooms, paths);
    assert.equal(complaints.length, 1, text);
    assert.match(complaints[0] ?? "", complaint);
  }
});
