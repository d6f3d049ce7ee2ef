/** What was acknowledged is there after `kill -9`, and after a disk that fails or is full. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { freshDirectory } from "./fresh-store.js";
import { checkKept } from "./kept.js";

const CHILD = fileURLToPath(new URL("./append-child.js", import.meta.url));
const ROUNDS = 5;

interface Ending {
  readonly acknowledged: number;
  readonly fault: string | null;
}

/** Runs the child, by `command` before its own, until it ends; kills it once it has acknowledged `killAt` commits. */
async function runChild(directory: string, command: readonly string[], killAt: number): Promise<Ending> {
  const [program, ...args] = [...command, process.execPath, CHILD, directory];
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  let lines = 0;
  child.stdout?.on("data", (data: Buffer) => {
    output += data.toString("latin1");
    lines += data.toString("latin1").split("\n").length - 1;
    if (lines >= killAt) child.kill("SIGKILL");
  });
  await once(child, "close");
  const whole = output
    .slice(0, output.lastIndexOf("\n") + 1)
    .trim()
    .split("\n");
  const seqs = whole.filter((line) => /^\d+$/.test(line)).map(Number);
  const fault = whole.find((line) => line.startsWith("fault "))?.slice(6) ?? null;
  return { acknowledged: seqs.at(-1) ?? 0, fault };
}

test(`a process killed at random moments has lost nothing that was acknowledged, ${ROUNDS} times over`, async (t) => {
  const directory = freshDirectory(t);
  let before = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const killAt = 1 + Math.floor(Math.random() * 200);
    const { acknowledged, fault } = await runChild(directory, [], killAt);
    t.diagnostic(`killed after ${killAt} commits, at seq ${acknowledged}`);
    assert.equal(fault, null);
    assert.ok(acknowledged > before);
    await checkKept(directory, { acknowledged });
    before = acknowledged;
  }
});

test("a file that can't grow fails the store, nothing after is acknowledged, and all before is kept", async (t) => {
  for (const limit of [150_000, 400_000]) {
    const directory = freshDirectory(t);
    const { acknowledged, fault } = await runChild(directory, ["prlimit", `--fsize=${limit}`], 1e9);
    assert.equal(fault, "disk-failed");
    await checkKept(directory, { acknowledged });
  }
});

const hasFiu = spawnSync("fiu-run", ["-h"]).error === undefined;

for (const { name, points, errno, code } of [
  { name: "a failing fsync fails the store and is not tried again", points: "sync/*", errno: 5, code: "disk-failed" },
  { name: "a full disk fails the store", points: "rw/pwrite", errno: 28, code: "disk-full" },
]) {
  test(`${name}, and all that was acknowledged is kept (R-7)`, {
    skip: hasFiu ? false : "needs fiu-utils",
  }, async (t) => {
    const directory = freshDirectory(t);
    await runChild(directory, [], 3); // Makes the store, so that the fault falls into its life and not into its birth.
    const sometimes = `enable_random name=posix/io/${points},probability=0.02,failinfo=${errno}`;
    const { acknowledged, fault } = await runChild(directory, ["fiu-run", "-x", "-c", sometimes], 1e9);
    assert.equal(fault, code);
    await checkKept(directory, { acknowledged });
  });
}
