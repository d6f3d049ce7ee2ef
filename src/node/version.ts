/** Which version this is: from package.json, so that no second place has to be changed at a release. */
import { readFileSync } from "node:fs";
import { z } from "zod";

const manifest = z.object({ version: z.string() });

/** The version of the package, as "0.1.0". Reads a file: ask once. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return manifest.parse(JSON.parse(text)).version;
}
