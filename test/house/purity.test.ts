/** The pure rooms have no clock, chance, promise or Node: only so can a run be repeated from its inputs. */
import assert from "node:assert/strict";
import test from "node:test";
import { assertNone, readRooms, readSources, roomOf } from "./house.js";
import { impuritiesOf } from "./purity.js";

const rooms = readRooms();

test("pure rooms have no clock, chance, promise, timer, log line or module of Node", () => {
  const pure = readSources(["src"]).filter((file) => rooms.get(roomOf(file.path) ?? "")?.pure === true);
  assert.ok(pure.length > 0, "no file of a pure room was found");

  assertNone(pure.flatMap(impuritiesOf));
});

test("each kind of impurity is seen", () => {
  const kinds = [
    "const now = Date.now();",
    "const chance = Math.random();",
    'import { readFileSync } from "node:fs";',
    "async function f() {}",
    "setTimeout(f, 10);",
    "const p = new Promise(f);",
    "function f(p: Promise<void>): void {}",
    "console.log(1);",
    "const x = process.env.X;",
    "const now = globalThis.performance;",
    "// eslint-disable-next-line",
  ];
  for (const text of kinds) {
    assert.equal(impuritiesOf({ path: "src/engine/x.ts", text }).length, 1, text);
  }
});

test("a member of our own and a comment may have the name of an impure global", () => {
  const text =
    "// Date.now() is an input.\ncounters.process += 1;\nconst row = { fetch: 1 };\nclass A { process(): void {} }";
  assert.deepEqual(impuritiesOf({ path: "src/engine/x.ts", text }), []);
});
