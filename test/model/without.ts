/**
 * The compiled code without a clause: a copy of what the explorer needs, in a folder of its own, with the clause's lines
 * replaced, explored by a process of its own. Nothing of it is ever loaded beside the real code.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import type { Clause } from "./clauses.js";
import type { Explored } from "./explore.js";

const run = promisify(execFile);
const compiled = join(dirname(fileURLToPath(import.meta.url)), "../..");
const ROOMS = ["src/words", "src/tables", "src/replication", "test/model"];

const exploredSchema = z.object({
  bound: z.string(),
  states: z.number(),
  steps: z.number(),
  depth: z.number(),
  cut: z.number(),
  isComplete: z.boolean(),
  broken: z.object({ what: z.string(), story: z.array(z.string()) }).nullable(),
});

/**
 * What the clause's bound finds without it.
 * @throws Error if one of the clause's lines is no longer there
 */
export async function exploreWithout({ bound, without }: Clause): Promise<Explored> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-model-"));
  try {
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    for (const room of ROOMS) copyRoom(room, folder);
    for (const { file, from, to } of without) {
      const path = join(folder, "src/replication", `${file}.js`);
      const text = readFileSync(path, "utf8");
      if (text.split(from).length !== 2) throw new Error(`${file}.ts: the clause has moved; it is not \`${from}\``);
      writeFileSync(
        path,
        text.replace(from, () => to),
      );
    }
    const child = join(folder, "test/model/explore-child.js");
    const { stdout } = await run(process.execPath, [child, bound], { maxBuffer: 2 ** 24 });
    return exploredSchema.parse(JSON.parse(stdout));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function copyRoom(room: string, folder: string): void {
  mkdirSync(join(folder, room), { recursive: true });
  const from = join(compiled, room);
  cpSync(from, join(folder, room), {
    recursive: true,
    filter: (path) => path === from || path.endsWith(".js") || !path.slice(path.lastIndexOf(sep)).includes("."),
  });
}
