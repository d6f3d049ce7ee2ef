// What the recipes and the page of `holdfast/testing` show runs as it stands there.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { freshDirectory } from "../node/server-process.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const RECIPES = join(ROOT, "src/client/recipes");
const EXAMPLE = /<!-- example: test -->\n```ts\n([\s\S]*?)\n```/g;
const PAGES = [
  join(ROOT, "src/testing/README.md"),
  ...readdirSync(RECIPES)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(RECIPES, name)),
];
/** A directory with what a user has in node_modules. */
const place = freshDirectory();

before(() => {
  mkdirSync(join(place, "node_modules"));
  symlinkSync(ROOT, join(place, "node_modules/holdfast"));
  symlinkSync(join(ROOT, "node_modules/better-sqlite3"), join(place, "node_modules/better-sqlite3"));
});

/** Writes the examples of a page as files that Node 20 understands: `using` is not of its language yet. */
async function filesOf(page: string): Promise<readonly string[]> {
  const examples = [...readFileSync(page, "utf8").matchAll(EXAMPLE)].map(([, text = ""]) => text);
  const files: string[] = [];
  for (const [index, text] of examples.entries()) {
    const file = join(place, `${basename(page, ".md")}-${files.length}-${index}-${PAGES.indexOf(page)}.test.mjs`);
    writeFileSync(file, (await transform(text, { loader: "ts", target: "node20", format: "esm" })).code);
    files.push(file);
  }
  return files;
}

test("every page has an example that runs, and none fails", async () => {
  const files = await Promise.all(PAGES.map((page) => filesOf(page)));
  for (const [index, page] of PAGES.entries()) assert.ok((files[index]?.length ?? 0) > 0, `${page} has no example`);
  const all = files.flat();
  const output = await new Promise<string>((resolve) => {
    const { NODE_TEST_CONTEXT: _ours, ...env } = process.env; // Its tests would be reported as ours.
    const together = join(place, "all.mjs"); // In one process: starting one for each takes longer than all of them.
    writeFileSync(together, all.map((file) => `import "${file}";`).join("\n"));
    const args = ["--test-reporter=tap", together];
    execFile(process.execPath, args, { cwd: place, env }, (_error, stdout) => resolve(stdout));
  });
  assert.match(output, new RegExp(`^# pass ${all.length}$`, "m"), output);
  assert.match(output, /^# fail 0$/m, output);
});
