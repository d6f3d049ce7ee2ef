/**
 * Each tool of `make check` saw every file. A tool that is pointed at nothing reports success: dependency-cruiser does
 * so beside a TypeScript that it does not know, ESLint where a pattern matches no file.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";
import { ESLint } from "eslint";
import { z } from "zod";
import { codeFolders, readRooms, readSources, root, roomOf } from "./house.js";
import { importsOf } from "./imports.js";

const files = readSources();
const paths = files.map((file) => file.path);

/** Runs a tool as npm would, in `folder`. Answers what it wrote, whatever its exit code: findings are `make check`'s. */
function run(folder: string, tool: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, maxBuffer: 256 * 1024 * 1024 };
    execFile(join(root, "node_modules/.bin", tool), args, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(new Error(`${tool} did not run`, { cause: error }));
      else resolve(`${stdout}${stderr}`);
    });
  });
}

const cruiseSchema = z.object({
  modules: z.array(z.object({ source: z.string(), dependencies: z.array(z.object({ resolved: z.string() })) })),
  summary: z.object({ violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })) }),
});

async function cruise(folder: string, ...folders: readonly string[]): Promise<z.infer<typeof cruiseSchema>> {
  const config = join(root, "config/tools/dependency-cruiser.cjs");
  const out = await run(folder, "depcruise", "--config", config, "--output-type", "json", ...folders);
  return cruiseSchema.parse(JSON.parse(out));
}

test("TypeScript compiles every file", async () => {
  const listed = new Set((await run(root, "tsc", "--project", "tsconfig.json", "--listFilesOnly")).split("\n"));
  assert.deepEqual(
    paths.filter((path) => !listed.has(join(root, path))),
    [],
  );
});

test("dependency-cruiser sees every file, and the imports that our own reader sees", async () => {
  const { modules } = await cruise(root, ...codeFolders);
  const own = modules.filter(({ source }) => codeFolders.some((folder) => source.startsWith(`${folder}/`)));
  assert.deepEqual(
    own
      .map(({ source }) => source)
      .filter((source) => source.endsWith(".ts"))
      .sort(),
    paths,
  );

  const there = new Set(paths);
  const theirs = own.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved }) => `${source} > ${resolved}`),
  );
  const ours = files.flatMap(importsOf).filter(({ target }) => there.has(target));
  const known = theirs.filter((edge) => there.has(edge.split(" > ")[1] ?? ""));
  assert.deepEqual(
    [...new Set(ours.map(({ from, target }) => `${from} > ${target}`))].sort(),
    [...new Set(known)].sort(),
  );
});

test("dependency-cruiser refuses a planted import of each forbidden kind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-house-"));
  const planted = {
    "tsconfig.json": "{}",
    "src/words/ids.ts": "export const a = 1;",
    "src/worker/turn.ts": 'import "../words/ids.js";',
    "src/engine/up.ts": 'import "../worker/turn.js";',
    "src/engine/disk.ts": 'import "node:fs";',
    "src/tables/one.ts": 'import "./two.js";',
    "src/tables/two.ts": 'import "./one.js";',
    "src/cellar/x.ts": 'import "../words/ids.js";',
    "src/log/gone.ts": 'import "./nowhere.js";',
  };
  try {
    for (const [path, text] of Object.entries(planted)) {
      await mkdir(join(folder, dirname(path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const { violations } = (await cruise(folder, "src")).summary;
    assert.deepEqual([...new Set(violations.map(({ from, rule }) => `${rule.name} ${from}`))].sort(), [
      "in-a-room src/cellar/x.ts",
      "no-circle src/tables/one.ts",
      "pure-engine-node src/engine/disk.ts",
      "resolvable src/log/gone.ts",
      "room-engine src/engine/up.ts",
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("ESLint looks at every file by the rules of the house", async () => {
  const eslint = new ESLint({ cwd: root, overrideConfigFile: "config/tools/eslint.config.js" });
  const configSchema = z.object({ rules: z.record(z.string(), z.unknown()) });
  const rooms = readRooms();
  for (const path of paths) {
    assert.equal(await eslint.isPathIgnored(path), false, `${path} is ignored`);
    const { rules } = configSchema.parse(await eslint.calculateConfigForFile(path));
    assert.ok("@typescript-eslint/no-unsafe-return" in rules, `${path} is linted without its types`);
    const pure = rooms.get(roomOf(path) ?? "")?.pure === true;
    assert.equal("no-restricted-globals" in rules, pure, `${path}: rules of a pure room`);
  }
});

test("ESLint finds planted bugs in a file of a pure room", async () => {
  const rooms = readRooms();
  const path = paths.find((each) => roomOf(each) !== "words" && rooms.get(roomOf(each) ?? "")?.pure === true);
  assert.ok(path !== undefined, "there is no file in a pure room to plant in");
  const text = [
    'import { readFileSync } from "node:fs";',
    "export const now: number = Date.now() + Math.random();",
    "export async function read(): Promise<string> { await null; return String(readFileSync('x')); }",
    "export function f(a: number, b: number, c: number, d: number, e: number, g: number): void { read(); }",
    "export const size = f as unknown;",
    "export default now;",
  ].join("\n");
  const eslint = new ESLint({ cwd: root, overrideConfigFile: "config/tools/eslint.config.js" });

  const found = (await eslint.lintText(text, { filePath: path })).flatMap(({ messages }) => messages);

  const rules = new Set(found.map(({ ruleId }) => ruleId));
  for (const rule of [
    "no-restricted-globals",
    "no-restricted-imports",
    "no-restricted-properties",
    "no-restricted-syntax",
    "max-params",
    "@typescript-eslint/no-floating-promises",
    "@typescript-eslint/consistent-type-assertions",
  ]) {
    assert.ok(rules.has(rule), `${rule} did not see its bug`);
  }
});

test("Biome looks at the format of every file", async () => {
  const out = await run(root, "biome", "format", "--config-path=config/tools/format.json", ...codeFolders);
  assert.equal(Number(/Checked (\d+) files?/.exec(out)?.[1]), paths.length, out.slice(-400));
});

test("knip looks at every file", async () => {
  const reporter = "./config/tools/knip-saw-all.js";
  const out = await run(root, "knip", "--config", "config/tools/knip.json", "--no-progress", "--reporter", reporter);
  assert.match(out, new RegExp(`knip: \\d+ files seen, ${paths.length} there`));
  assert.ok(Number(/knip: (\d+)/.exec(out)?.[1]) >= paths.length, out);
});
