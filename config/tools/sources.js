// Every TypeScript file of the house, found without any tool's help: what each tool saw is held against this.
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Paths from `root`, sorted. A folder that is not there has no files. */
export function sources(root, folders = ["src", "test", "native-bench"]) {
  return folders.flatMap((folder) => filesOf(root, folder)).sort();
}

function filesOf(root, folder) {
  let names;
  try {
    names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
  return names
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name))
    .filter((path) => !path.startsWith(join("native-bench", "build"))); // What `make bench` puts there.
}
