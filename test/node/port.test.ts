// A port is ours alone or somebody is named: with real sockets and real processes, because the trap is the kernel's.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { claimPort, type PortClaim } from "../../src/node/port.js";

const HOST = "127.0.0.1";
const isLinux = process.platform === "linux";
const onlyLinux = isLinux ? {} : { skip: "abstract sockets and /proc are Linux's" };

async function claimed(port: number): Promise<PortClaim> {
  const outcome = await claimPort(HOST, port);
  if (outcome.kind !== "port-claimed") assert.fail(outcome.message);
  return outcome;
}

async function listening(port: number, host = HOST): Promise<Server> {
  const server = createServer();
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

async function freePort(): Promise<number> {
  const claim = await claimed(0);
  await claim.release();
  return claim.port;
}

/** Another process that listens as uWebSockets.js does, and says so in one line. */
async function uwsProcess(port: number): Promise<ChildProcess> {
  const code = `
    process.stdin.on("end", () => process.exit()).resume(); // It must not outlive a test that failed.
    import("uWebSockets.js").then(({ default: uws }) => {
      uws.App().listen("${HOST}", ${port}, (socket) => { console.log(socket ? "listening" : "failed"); });
    });`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["pipe", "pipe", "inherit"], cwd: process.cwd() });
  assert.deepEqual(await once(createInterface(child.stdout), "line"), ["listening"]);
  return child;
}

test("a port that was claimed can be listened on by uWebSockets.js and by node:net", async () => {
  const claim = await claimed(0);
  assert.ok(claim.port > 0 && claim.port < 65_536);
  const child = await uwsProcess(claim.port);
  child.kill("SIGKILL");
  await once(child, "exit");
  await closed(await listening(claim.port));
  await claim.release();
});

test("a port that was claimed is refused to the next one, until it is released", onlyLinux, async () => {
  const claim = await claimed(0);
  const second = await claimPort(HOST, claim.port);
  assert.ok(second.kind === "port-in-use");
  assert.equal(second.holder?.pid, process.pid);
  await claim.release();
  await claim.release();
  await (await claimed(claim.port)).release();
});

test("of many that claim one port at once exactly one gets it", onlyLinux, async () => {
  const port = await freePort();
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => claimPort(HOST, port)));
  const winners = outcomes.filter((outcome) => outcome.kind === "port-claimed");
  assert.equal(winners.length, 1);
  for (const winner of winners) await winner.release();
});

test("localhost and 127.0.0.1 are one place", onlyLinux, async () => {
  const claim = await claimed(0);
  const second = await claimPort("localhost", claim.port);
  const isSameAddress = second.kind === "port-in-use";
  if (second.kind === "port-claimed") await second.release(); // Where localhost is ::1 first, it is another place.
  await claim.release();
  assert.ok(isSameAddress || second.kind === "port-claimed");
});

test("a port on which somebody listens is refused with who it is, on all addresses too", async () => {
  const port = await freePort();
  for (const host of [HOST, "0.0.0.0"]) {
    const server = await listening(port, host);
    const outcome = await claimPort(HOST, port);
    await closed(server);
    assert.ok(outcome.kind === "port-in-use", host);
    if (!isLinux) continue;
    assert.equal(outcome.holder?.pid, process.pid);
    assert.ok(outcome.message.startsWith(`port ${port} of ${HOST} is in use by process ${process.pid} (`));
  }
});

test("a port that uWebSockets.js has in another process is refused with that process (T-14)", onlyLinux, async () => {
  const port = await freePort();
  const child = await uwsProcess(port);
  const outcome = await claimPort(HOST, port);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok(outcome.kind === "port-in-use");
  assert.equal(outcome.holder?.pid, child.pid);
  assert.match(outcome.holder?.command ?? "", /uWebSockets/);
  await (await claimed(port)).release();
});

test("any free ports asked for at once are all different", async () => {
  const claims = await Promise.all(Array.from({ length: 50 }, () => claimed(0)));
  assert.equal(new Set(claims.map(({ port }) => port)).size, claims.length);
  await Promise.all(claims.map((claim) => claim.release()));
});

test("an address of another machine is refused with the reason", async () => {
  const outcome = await claimPort("192.0.2.1", 7_400);
  assert.ok(outcome.kind === "port-refused");
  assert.equal(outcome.code, "EADDRNOTAVAIL");
  assert.match(outcome.message, /this machine does not have that address/);
});

test("a host that there is not is refused with the reason", async () => {
  const outcome = await claimPort("no-such-host.invalid", 7_400);
  assert.equal(outcome.kind, "port-refused");
});
