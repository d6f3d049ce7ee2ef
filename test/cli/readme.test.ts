// The README's examples work as they stand there, in its order, against a server on a free port.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { COMMAND, freshDirectory, type ServerProcess, startServer } from "../node/server-process.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const ADDRESS = "127.0.0.1:7400";
const EXAMPLE = /<!-- example: (sh|ts) -->\n```(sh|ts)\n([\s\S]*?)\n```/g;

interface Example {
  readonly language: string;
  readonly text: string;
}

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const EXAMPLES: readonly Example[] = [...README.matchAll(EXAMPLE)].map(([, language = "", , text = ""]) => ({
  language,
  text,
}));

const HAS_CURL: boolean = spawnSync("curl", ["--version"]).status === 0;

interface Ran {
  readonly exitCode: number | null;
  readonly output: string;
}

let server: ServerProcess;
/** A directory with what a user has: `holdfast` in the PATH and in node_modules. */
const place = freshDirectory();

before(async () => {
  server = await startServer();
  const bin = join(place, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "holdfast"), `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`);
  chmodSync(join(bin, "holdfast"), 0o755);
  mkdirSync(join(place, "node_modules"));
  symlinkSync(ROOT, join(place, "node_modules", "holdfast"));
});

after(async () => {
  await server.stop();
});

async function ran(program: string, args: readonly string[]): Promise<Ran> {
  const env = { ...process.env, PATH: `${join(place, "bin")}:${process.env["PATH"] ?? ""}`, HOLDFAST_URL: server.url };
  const child = spawn(program, args, { cwd: place, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(child, "close");
  return { exitCode: child.exitCode, output };
}

/** An example as a user runs it, but for the port. */
function run({ language, text }: Example): Promise<Ran> {
  const here = text.replaceAll(ADDRESS, server.address);
  if (language === "sh") return ran("sh", ["-euc", here]);
  writeFileSync(join(place, "example.mjs"), here); // It has no types in it, so it is JavaScript, too.
  return ran(process.execPath, ["example.mjs"]);
}

function example(part: string): Example {
  const found = EXAMPLES.find(({ text }) => text.includes(part));
  if (found === undefined) assert.fail(`the README has no example with ${part}`);
  return found;
}

test("the README has examples for the shell, TypeScript and curl", () => {
  assert.deepEqual(
    EXAMPLES.map(({ language }) => language),
    ["sh", "sh", "ts", "sh"],
  );
});

test("its first line names what Debian must have", () => {
  assert.match(README.split("\n")[0] ?? "", /apt-get install make g\+\+ python3/);
});

test("holdfast lock runs a command with its token", async () => {
  const { exitCode, output } = await run(example("holdfast lock"));
  assert.equal(exitCode, 0, output);
  assert.match(output, /^working with token [0-9]+$/m);
});

test("holdfast acquire, check, list and release", async () => {
  const { exitCode, output } = await run(example("holdfast acquire"));
  assert.equal(exitCode, 0, output);
  assert.match(output, /^held, as it should be$/m);
  assert.match(output, /^order:12345 +holds +exclusive/m);
});

test("the TypeScript library", async () => {
  const { exitCode, output } = await run(example('from "holdfast"'));
  assert.equal(exitCode, 0, output);
  assert.match(output, /^working with token [0-9]+$/m);
});

test("curl", { skip: HAS_CURL ? false : "curl is not installed" }, async () => {
  const { exitCode, output } = await run(example("curl"));
  assert.equal(exitCode, 0, output);
  assert.match(output, /"token": ?[0-9]+/);
  assert.match(output, /"holders": ?\[\{/);
});
