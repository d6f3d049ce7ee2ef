/**
 * What the checks of the house look at: the record of rooms, and every TypeScript file, found without the help of the
 * tools whose work is checked. A check that finds nothing to look at fails here, once for all of them.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** The folder of package.json, with a slash at its end. Compiled tests lie three folders below it. */
export const root: string = fileURLToPath(new URL("../../../", import.meta.url));

/** Where TypeScript lies. */
export const codeFolders: readonly string[] = ["src", "test", "native-bench"];

/** One room of `src`, as config/tools/rooms.json has it. */
export interface Room {
  readonly pure: boolean;
  /** The other rooms that it may import. */
  readonly imports: readonly string[];
  /** The packages that a pure room may import. */
  readonly packages?: readonly string[] | undefined;
}

/** One file, read whole. `path` starts at the root, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What `make bench` puts beside its sources. */
const made = /^native-bench\/build\//;

const recordSchema = z.record(
  z.string(),
  z.strictObject({ pure: z.boolean(), imports: z.array(z.string()), packages: z.array(z.string()).optional() }),
);

/** The record of rooms by name. @throws AssertionError where it is empty. */
export function readRooms(): ReadonlyMap<string, Room> {
  const rooms = recordSchema.parse(JSON.parse(readFileSync(join(root, "config/tools/rooms.json"), "utf8")));
  assert.notEqual(Object.keys(rooms).length, 0, "the record of rooms is empty");
  return new Map(Object.entries(rooms));
}

/** Files of these folders whose name ends so, sorted by path. @throws AssertionError where there is none. */
export function readSources(folders: readonly string[] = codeFolders, ending = ".ts"): readonly SourceFile[] {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(ending) && !made.test(`${folder}/${name}`))
      .map((name) => `${folder}/${name}`),
  );
  assert.notEqual(paths.length, 0, `no ${ending} file was found in ${folders.join(", ")}`);
  return paths.sort().map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

/** The room of a path, such as `engine` of `src/engine/acquire.ts`; undefined outside of `src`'s folders. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** Says all that is wrong in one failure, a line each. */
export function assertNone(complaints: readonly string[]): void {
  assert.equal(complaints.length, 0, `\n  ${complaints.join("\n  ")}`);
}
