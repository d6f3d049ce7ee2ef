// `holdfast lock`: the command runs under the lock and never beyond it.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Holdfast } from "../../src/client/index.js";
import { freshDirectory, run, type Running, type ServerProcess, startServer, until } from "../node/server-process.js";

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

function lock(...args: readonly string[]): Running {
  return run(["lock", ...args], { HOLDFAST_URL: server.url });
}

/** A lock whose shell runs `script`; by then it has run `first`, and has written its process id to a file. */
async function lockedShell(name: string, script: string, first = ":"): Promise<Running & { readonly pid: number }> {
  const file = join(freshDirectory(), "pid");
  const all = `${first}; echo $$ > ${file}.new && mv ${file}.new ${file}; ${script}`;
  const running = lock(name, "--", "sh", "-c", all);
  await until("the command to run", () => existsSync(file));
  return { ...running, pid: Number(readFileSync(file, "utf8")) };
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function isFree(name: string): Promise<boolean> {
  return (await observer.check(name)).free;
}

async function untilWaiting(name: string, count: number): Promise<void> {
  await until(`${count} waiters`, async () => (await observer.check(name)).waiters === count);
}

test("the command's exit code is passed on, it finds its token, and the lock is free afterwards", async () => {
  const { exitCode, stdout, stderr } = await lock("job:1", "--", "sh", "-c", "echo $HOLDFAST_TOKEN; exit 7").ended;
  assert.equal(exitCode, 7, stderr);
  assert.ok(Number(stdout) > 0);
  assert.ok(await isFree("job:1"));
});

test("the lock is held while the command runs: another is busy, 121, or times out, 122", async () => {
  const holder = await lockedShell("job:2", "sleep 20");
  assert.equal((await lock("job:2", "--", "true").ended).exitCode, 121);
  assert.equal((await lock("job:2", "--wait", "100ms", "--", "true").ended).exitCode, 122);
  holder.child.kill("SIGTERM");
  assert.equal((await holder.ended).exitCode, 143);
  assert.ok(await isFree("job:2"));
});

test("who waits runs when the lock is free", async () => {
  const holder = await lockedShell("job:3", "sleep 20");
  const waiter = lock("job:3", "--wait", "20s", "--", "echo", "mine");
  await untilWaiting("job:3", 1);
  holder.child.kill("SIGTERM");
  const { exitCode, stdout } = await waiter.ended;
  assert.deepEqual([exitCode, stdout], [0, "mine\n"]);
});

test("an interrupted wait leaves the queue and exits with 130", async () => {
  const holder = await lockedShell("job:4", "sleep 20");
  const waiter = lock("job:4", "--wait", "60s", "--", "true");
  await untilWaiting("job:4", 1);
  waiter.child.kill("SIGINT");
  assert.equal((await waiter.ended).exitCode, 130);
  await untilWaiting("job:4", 0);
  holder.child.kill("SIGTERM");
  await holder.ended;
});

test("signals are passed on to the command, which may do as it likes", async () => {
  const running = await lockedShell("job:5", "while :; do sleep 0.01; done", "trap 'echo got it; exit 3' HUP");
  running.child.kill("SIGHUP");
  const { exitCode, stdout } = await running.ended;
  assert.deepEqual([exitCode, stdout], [3, "got it\n"]);
});

test("a lock that is forced kills the command with all that it has started, 123", async () => {
  const running = await lockedShell("job:6", "sleep 20 & wait; sleep 20", "trap '' TERM");
  assert.equal(await observer.forceRelease("job:6"), 1);
  const { exitCode, stderr } = await running.ended;
  assert.equal(exitCode, 123, stderr);
  assert.ok(!isAlive(running.pid));
});

test("without word from the server the command is dead before anybody else is granted the lock (INV-4)", async () => {
  const own = await startServer({ flags: ["--limits-ttl-min", "500ms"] });
  const file = join(freshDirectory(), "pid");
  const script = `trap '' TERM; echo $$ > ${file}.new && mv ${file}.new ${file}; sleep 20; sleep 20`;
  const running = run(["lock", "job:7", "--ttl", "1500ms", "--", "sh", "-c", script], { HOLDFAST_URL: own.url });
  await until("the command to run", () => existsSync(file));
  const pid = Number(readFileSync(file, "utf8"));
  process.kill(own.pid, "SIGSTOP"); // It answers nothing, and its connections stay open.
  const { exitCode, stderr } = await running.ended;
  assert.ok(!isAlive(pid));
  process.kill(own.pid, "SIGCONT");
  assert.equal(exitCode, 123, stderr);
  assert.match(stderr, /about to be lost/);
  const next = await Holdfast.connect({ url: own.url });
  await next.acquire("job:7", { wait: "10s" });
  await next.close();
  await own.stop();
});

test("a command that can't be started is 125, and leaves no lock", async () => {
  const { exitCode, stderr } = await lock("job:8", "--", "holdfast-no-such-command").ended;
  assert.equal(exitCode, 125);
  assert.match(stderr, /can't be started/);
  assert.ok(await isFree("job:8"));
});
