// `dev`, `top`, `completion` and `help`: what they show, and that they end as they should.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Holdfast } from "../../src/client/index.js";
import { run, runCommand, until } from "../node/server-process.js";

test("dev serves from a temporary directory, which is gone when it ends; top looks at it", async () => {
  const server = run(["dev", "--json", "--listen-main", "0", "--listen-worker-base", "0"]);
  await until("the server to be ready", () => server.stdout().includes("\n"));
  const ready: unknown = JSON.parse(server.stdout().split("\n")[0] ?? "");
  assert.ok(typeof ready === "object" && ready !== null && "address" in ready && "dataDir" in ready);
  const url = `holdfast://${String(ready.address)}`;
  assert.ok(existsSync(String(ready.dataDir)));
  await using holdfast = await Holdfast.connect({ url, metadata: "who looks" });
  await holdfast.acquire("order:1");

  const top = await runCommand(["top", "--count", "2", "--every", "10ms", "--url", url]);
  assert.equal(top.exitCode, 0, top.stderr);
  assert.match(top.stdout, /requests a second; 1 holders, 0 waiters.*^order:1 +holds +exclusive.*who looks$/ms);
  const lines = (await runCommand(["top", "--json", "--count", "2", "--every", "10ms", "--url", url])).stdout;
  assert.equal(lines.trim().split("\n").length, 2);
  assert.match(lines, /"perSecond":[0-9]+,/);

  server.child.kill("SIGTERM");
  assert.equal((await server.ended).exitCode, 0);
  assert.ok(!existsSync(String(ready.dataDir)));
});

test("top fails by 69 if no server was ever there", async () => {
  assert.equal((await runCommand(["top", "--url", "holdfast://127.0.0.1:1"])).exitCode, 69);
});

test("completion writes a script for bash, zsh and fish, which asks for commands and options", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { exitCode, stdout } = await runCommand(["completion", shell]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /holdfast complete/);
  }
  assert.match((await runCommand(["complete", "--", "rel"])).stdout, /^release\t/);
  assert.match((await runCommand(["complete", "--", "lock", "--"])).stdout, /^--permits\t/m);
  assert.equal((await runCommand(["completion", "tcsh"])).exitCode, 2);
});

test("help names each command in its group with the exit codes, and explains one", async () => {
  const { stdout } = await runCommand(["help"]);
  for (const group of ["Locks:", "Looking:", "Administration:", "Servers:", "Exit codes:"])
    assert.ok(stdout.includes(group));
  const lock = await runCommand(["help", "lock"]);
  assert.match(lock.stdout, /121 if busy, 122 timed out, 123 lost, 125 otherwise/);
  assert.match((await runCommand(["lock", "order:1", "--wiat", "3s", "--", "true"])).stderr, /did you mean --wait\?/i);
});
