// `holdfast elect` and `holdfast lock` beyond the plain case: who leads, what a command leaves behind, standard input, and
// a command that is stopped.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Holdfast } from "../../src/client/index.js";
import {
  COMMAND,
  freshDirectory,
  run,
  type Running,
  type ServerProcess,
  startServer,
  until,
} from "../node/server-process.js";

let server: ServerProcess;
let observer: Holdfast;
before(async () => {
  server = await startServer({ flags: ["--limits-ttl-min", "500ms"] });
  observer = await Holdfast.connect({ url: server.url });
});
after(async () => {
  await observer.close();
  await server.stop();
});

function holdfast(...args: readonly string[]): Running {
  return run(args, { HOLDFAST_URL: server.url });
}

async function isFree(name: string): Promise<boolean> {
  return (await observer.check(name)).free;
}

test("one candidate leads, the next waits without an end, and leads when the first resigns", async () => {
  const first = holdfast("elect", "boss", "--metadata", "first", "--", "sh", "-c", "sleep 60");
  await until("the first to lead", async () => (await observer.elect("boss").leader())?.metadata === "first");
  const second = holdfast("elect", "boss", "--", "sh", "-c", 'echo "$HOLDFAST_RESOURCE $HOLDFAST_TOKEN"; exit 4');
  await until("the second to wait", async () => (await observer.check("election:boss")).waiters === 1);
  first.child.kill("SIGTERM");
  assert.equal((await first.ended).exitCode, 143);
  const { exitCode, stdout } = await second.ended;
  assert.equal(exitCode, 4);
  assert.match(stdout, /^election:boss [0-9]+\n$/);
});

test("what the command leaves behind keeps the lock until it has ended", async () => {
  const file = join(freshDirectory(), "end");
  const script = `(until [ -e ${file} ]; do sleep 0.02; done) & exit 6`;
  const running = holdfast("lock", "left:1", "--", "sh", "-c", script);
  await until("the lock", async () => !(await isFree("left:1")));
  const other = await holdfast("lock", "left:1", "--wait", "300ms", "--", "true").ended;
  assert.equal(other.exitCode, 122);
  await holdfast("lock", "left:2", "--", "touch", file).ended;
  assert.equal((await running.ended).exitCode, 6);
  assert.ok(await isFree("left:1"));
});

test("standard input reaches the command", async () => {
  const child = spawn(process.execPath, [COMMAND, "lock", "input:1", "--url", server.url, "--", "tr", "a-z", "A-Z"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  child.stdin.end("through the lock\n");
  await once(child, "close");
  assert.deepEqual([child.exitCode, text], [0, "THROUGH THE LOCK\n"]);
});

test("who is stopped has stopped its command, and after the end of its lock the command never goes on (INV-4)", async () => {
  const file = join(freshDirectory(), "work");
  const script = `while :; do echo working >> ${file}; sleep 0.01; done`;
  const running = holdfast("lock", "stop:1", "--ttl", "600ms", "--", "sh", "-c", script);
  await until("the command to work", () => existsSync(file));
  running.child.kill("SIGTSTP");
  await using next = await Holdfast.connect({ url: server.url });
  await next.acquire("stop:1", { wait: "30s" });
  const worked = readFileSync(file, "utf8");
  await holdfast("check", "stop:1").ended; // Time enough for a command that was not stopped.
  running.child.kill("SIGCONT");
  assert.equal((await running.ended).exitCode, 123);
  assert.equal(readFileSync(file, "utf8"), worked);
});
