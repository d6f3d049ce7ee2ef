/**
 * A second reader of imports, of a few lines, so that the rooms do not depend on one tool that may see nothing: by
 * patterns, where dependency-cruiser parses. tools.test.ts holds their findings against each other.
 */
import { posix } from "node:path";
import { type Room, roomOf, type SourceFile } from "./house.js";

/** One import of one file. `target` is a path from the root where the import is relative, else the name as written. */
export interface Import {
  readonly from: string;
  readonly written: string;
  readonly target: string;
}

const patterns: readonly RegExp[] = [
  /^(?:import|export)\s[^;"'`]*?from\s*["']([^"']+)["']/gm, // import { a } from "./b.js"; export { a } from "./b.js"
  /^import\s*["']([^"']+)["']/gm, // import "./b.js"
  /^(?!\s*(?:\*|\/\/))[^"'`\n]*\bimport\(\s*["']([^"']+)["']/gm, // import("./b.js"), as a type too
];

/** The imports of a file, in no order. */
export function importsOf(file: SourceFile): readonly Import[] {
  return patterns.flatMap((pattern) =>
    [...file.text.matchAll(pattern)].map((match) => {
      const written = match[1] ?? "";
      return { from: file.path, written, target: targetOf(file.path, written) };
    }),
  );
}

function targetOf(from: string, written: string): string {
  if (!written.startsWith(".")) return written;
  return posix.join(posix.dirname(from), written).replace(/\.js$/, ".ts");
}

/** What the record of rooms has against these imports, a sentence each. `paths` are all files that there are. */
export function complaintsAbout(
  imports: readonly Import[],
  rooms: ReadonlyMap<string, Room>,
  paths: ReadonlySet<string>,
): readonly string[] {
  return imports.flatMap(({ from, written, target }) => {
    if (written.startsWith(".")) {
      if (!written.endsWith(".js")) return [`${from}: "${written}" does not end in .js`];
      if (!paths.has(target)) return [`${from}: there is no ${target}`];
    }
    const name = roomOf(from);
    if (name === undefined) return [];
    const room = rooms.get(name);
    if (room === undefined) return [`${from}: ${name} is not a room of the record`];
    return written.startsWith(".") ? aboutRooms(from, target, room) : aboutPackage(from, written, room);
  });
}

function aboutRooms(from: string, target: string, room: Room): readonly string[] {
  const other = roomOf(target);
  if (other === roomOf(from)) return [];
  if (other !== undefined && room.imports.includes(other)) return [];
  return [`${from}: imports ${target}, and may import ${room.imports.join(", ") || "nothing"}`];
}

function aboutPackage(from: string, written: string, room: Room): readonly string[] {
  if (!room.pure || room.packages?.some((name) => written === name || written.startsWith(`${name}/`))) return [];
  return [`${from}: is in a pure room and imports "${written}"`];
}
