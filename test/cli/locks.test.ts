// Locks from a shell, by commands that end while the lock stays: against a real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Ended, run, runCommand, type ServerProcess, startServer, until } from "../node/server-process.js";

let server: ServerProcess;
before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

function holdfast(...args: readonly string[]): Promise<Ended> {
  return runCommand(args, { HOLDFAST_URL: server.url });
}

function field(text: string, name: string): unknown {
  const value: unknown = JSON.parse(text);
  assert.ok(typeof value === "object" && value !== null, text);
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

test("acquire prints a token that renews and releases, and each later grant has a larger one (INV-2)", async () => {
  const first = await holdfast("acquire", "shell:1", "--ttl", "30s");
  assert.equal(first.exitCode, 0, first.stderr);
  assert.match(first.stdout, /^[0-9]+\n$/);
  const renewed = await holdfast("renew", "shell:1", first.stdout.trim(), "--ttl", "60s");
  assert.equal(renewed.exitCode, 0, renewed.stderr);
  const released = await holdfast("release", "shell:1", first.stdout.trim());
  assert.deepEqual([released.exitCode, released.stdout], [0, ""], released.stderr);
  const second = await holdfast("acquire", "shell:1", "--json");
  assert.ok(Number(field(second.stdout, "token")) > Number(first.stdout));
  await holdfast("release", "shell:1", String(field(second.stdout, "token")));
});

test("busy exits with 3; in JSON it is data", async () => {
  const { stdout: token } = await holdfast("acquire", "shell:2");
  const busy = await holdfast("acquire", "shell:2");
  assert.deepEqual([busy.exitCode, busy.stdout], [3, ""]);
  const json = await holdfast("acquire", "shell:2", "--json");
  assert.equal(json.exitCode, 3);
  assert.equal(field(json.stdout, "code"), "busy");
  await holdfast("release", "shell:2", token.trim());
});

test("a wait that is over exits with 4, one that is granted prints the token", async () => {
  const { stdout: token } = await holdfast("acquire", "shell:3");
  const late = await holdfast("acquire", "shell:3", "--wait", "50ms");
  assert.equal(late.exitCode, 4, late.stderr);
  const waiting = run(["acquire", "shell:3", "--wait", "20s"], { HOLDFAST_URL: server.url });
  await until("the waiter to stand in the queue", async () => {
    const { stdout } = await holdfast("check", "shell:3", "--json");
    return field(stdout, "waiters") === 1;
  });
  await holdfast("release", "shell:3", token.trim());
  const granted = await waiting.ended;
  assert.equal(granted.exitCode, 0, granted.stderr);
  assert.ok(Number(granted.stdout) > Number(token));
  await holdfast("release", "shell:3", granted.stdout.trim());
});

test("a wrong token releases nothing: 3", async () => {
  const { stdout: token } = await holdfast("acquire", "shell:4");
  const wrong = await holdfast("release", "shell:4", String(Number(token) + 1));
  assert.equal(wrong.exitCode, 3, wrong.stderr);
  assert.equal((await holdfast("release", "shell:4", token.trim())).exitCode, 0);
});

test("check says free by 0 and held by 3, and who holds", async () => {
  assert.equal((await holdfast("check", "shell:5")).exitCode, 0);
  const { stdout: token } = await holdfast("acquire", "shell:5", "--metadata", "nightly build");
  const held = await holdfast("check", "shell:5");
  assert.equal(held.exitCode, 3);
  assert.match(held.stdout, /^held: exclusive.*nightly build$/m);
  await holdfast("release", "shell:5", token.trim());
});

test("shared holders hold together, permits up to their number", async () => {
  for (let holder = 0; holder < 2; holder += 1) {
    assert.equal((await holdfast("acquire", "shell:shared", "--shared")).exitCode, 0);
    assert.equal((await holdfast("acquire", "shell:permits", "--permits", "2")).exitCode, 0);
  }
  assert.equal((await holdfast("acquire", "shell:shared")).exitCode, 3);
  assert.equal((await holdfast("acquire", "shell:permits", "--permits", "2")).exitCode, 3);
});

test("list shows claims by prefix, as a table or as a JSON value a line", async () => {
  for (const name of ["list-a:1", "list-a:2", "list-b:1"]) await holdfast("acquire", name);
  const json = await holdfast("list", "list-a:", "--json");
  const names = json.stdout
    .trim()
    .split("\n")
    .map((line) => field(line, "resource"));
  assert.deepEqual(names.sort(), ["list-a:1", "list-a:2"]);
  const table = await holdfast("list", "list-");
  assert.match(table.stdout, /^RESOURCE +STATE +MODE/);
  assert.equal(table.stdout.trim().split("\n").length, 4);
  const none = await holdfast("list", "list-c:");
  assert.deepEqual([none.exitCode, none.stdout], [0, ""]);
});

test("revoke forbids renewal, force-release frees at once, and both say by 3 that nobody holds", async () => {
  const { stdout: token } = await holdfast("acquire", "shell:6");
  assert.equal((await holdfast("revoke", "shell:6", "--reason", "maintenance")).exitCode, 0);
  assert.equal((await holdfast("renew", "shell:6", token.trim())).exitCode, 5);
  assert.equal((await holdfast("check", "shell:6")).exitCode, 3);
  const forced = await holdfast("force-release", "shell:6");
  assert.deepEqual([forced.exitCode, forced.stdout], [0, "1\n"], forced.stderr);
  assert.equal((await holdfast("check", "shell:6")).exitCode, 0);
  assert.equal((await holdfast("force-release", "shell:6")).exitCode, 3);
});

test("watch shows what happens, an event a line", async () => {
  const watching = run(["watch", "watched:*", "--json", "--count", "2"], { HOLDFAST_URL: server.url });
  let round = 0;
  await until("the watch to have shown enough", async () => {
    const name = `watched:${(round += 1)}`;
    const { stdout: token } = await holdfast("acquire", name);
    await holdfast("release", name, token.trim());
    return watching.child.exitCode !== null;
  });
  const { exitCode, stdout, stderr } = await watching.ended;
  assert.equal(exitCode, 0, stderr);
  const kinds = stdout
    .trim()
    .split("\n")
    .map((line) => String(field(line, "kind")));
  assert.equal(kinds.length, 2);
  for (const kind of kinds) assert.match(kind, /^(granted|released)$/);
});

test("status tells version, place and counts", async () => {
  const text = await holdfast("status");
  assert.equal(text.exitCode, 0, text.stderr);
  assert.match(text.stdout, /^holdfast [0-9.]+, node /);
  assert.match(text.stdout, new RegExp(server.address.replaceAll(".", "\\.")));
  const json = await holdfast("status", "--json");
  assert.equal(field(json.stdout, "pid"), server.pid);
});

test("bench takes and releases locks, and shows how long that takes", async () => {
  const args = ["bench", "--seconds", "1", "--clients", "2", "--window", "4", "--json"];
  const { exitCode, stdout, stderr } = await holdfast(...args);
  assert.equal(exitCode, 0, stderr);
  const rows = field(stdout, "rows");
  assert.ok(Array.isArray(rows));
  for (const row of rows) assert.ok(Number(field(JSON.stringify(row), "count")) > 0);
  assert.equal((await holdfast("list", "bench:", "--json")).stdout, "");
});

test("what the server refuses exits with 2 and names the bound", async () => {
  const { exitCode, stderr } = await holdfast("acquire", "shell:7", "--ttl", "1s");
  assert.equal(exitCode, 2);
  assert.match(stderr, /ttl/);
  assert.equal((await holdfast("acquire", "no-colon")).exitCode, 2);
});
