// A command ends with all that it has started: a child that works on after the lock is lost is what locks prevent.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ProcessGroup } from "../../src/cli/process-group.js";
import { freshDirectory, until } from "../node/server-process.js";

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("the exit code is the command's, and 128 and its number where a signal ended it", async () => {
  assert.deepEqual(await new ProcessGroup(["sh", "-c", "exit 7"], process.env).ended, { kind: "exited", exitCode: 7 });
  const killed = new ProcessGroup(["sh", "-c", "kill -TERM $$"], process.env);
  assert.deepEqual(await killed.ended, { kind: "exited", exitCode: 143 });
});

test("a command that is not there is told from one that failed", async () => {
  const end = await new ProcessGroup(["holdfast-no-such-command"], process.env).ended;
  assert.ok(end.kind === "not-started");
  assert.match(end.error.message, /ENOENT/);
});

test("a kill reaches what the command has started, and a group that is gone does not mind", async () => {
  const file = join(freshDirectory(), "pid");
  const group = new ProcessGroup(
    ["sh", "-c", `sleep 300 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`],
    process.env,
  );
  await until("the grandchild", () => existsSync(file));
  const grandchild = Number(readFileSync(file, "utf8"));
  assert.ok(isAlive(grandchild));
  group.kill("SIGKILL");
  assert.deepEqual(await group.ended, { kind: "exited", exitCode: 137 });
  await until("the grandchild's end", () => !isAlive(grandchild));
  group.kill("SIGKILL");
});
