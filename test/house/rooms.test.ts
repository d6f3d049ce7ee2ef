/** The record of rooms, the folders of src and their READMEs say the same. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { assertNone, readRooms, readSources, roomOf, root } from "./house.js";

const README_LINES_MAX = 60; // One screen.
const rooms = readRooms();

test("every folder of src is a room of the record", () => {
  const folders = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.ok(folders.length > 0, "src has no rooms");

  assertNone(folders.filter(({ name }) => !rooms.has(name)).map(({ name }) => `src/${name} is not in rooms.json`));
});

test("every room has a README of one screen", () => {
  const folders = [
    ...new Set(readSources(["src"]).map((file) => roomOf(file.path) ?? assert.fail(`${file.path} is in no room`))),
  ];

  assertNone(
    folders.flatMap((name) => {
      const path = join(root, "src", name, "README.md");
      if (!existsSync(path)) return [`src/${name}/README.md is missing`];
      const lineCount = readFileSync(path, "utf8").trimEnd().split("\n").length;
      return lineCount <= README_LINES_MAX ? [] : [`src/${name}/README.md has ${lineCount} lines`];
    }),
  );
});

test("pure rooms import pure rooms only, and no room imports itself in a circle", () => {
  const reached = (name: string, seen: Set<string>): ReadonlySet<string> => {
    for (const next of rooms.get(name)?.imports ?? assert.fail(`${name} is imported, and not in the record`)) {
      if (!seen.has(next)) reached(next, seen.add(next));
    }
    return seen;
  };
  for (const [name, { pure }] of rooms) {
    const below = reached(name, new Set());
    assert.ok(!below.has(name), `${name} imports itself`);
    if (pure)
      assert.deepEqual(
        [...below].filter((other) => rooms.get(other)?.pure !== true),
        [],
        `below ${name}`,
      );
  }
});
