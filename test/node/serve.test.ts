// A node as its operator knows it: it starts, finds its locks, keeps others out, and ends when told to.
import assert from "node:assert/strict";
import { readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BusyError, Holdfast } from "../../src/client/index.js";
import { KIND_ACQUIRE, KIND_CHECK, KIND_RELEASE } from "../../src/words/kinds.js";
import { RawConnection } from "../client/raw-connection.js";
import { freshDirectory, runCommand, serverFlags, startServer, until } from "./server-process.js";

/** Does something as a client of the server. */
async function asClient<T>(url: string, work: (holdfast: Holdfast) => Promise<T>): Promise<T> {
  const holdfast = await Holdfast.connect({ url });
  try {
    return await work(holdfast);
  } finally {
    await holdfast.close();
  }
}

async function acquire(holdfast: Holdfast, resource: string): Promise<number> {
  return (await holdfast.acquireDetached(resource, { ttl: "60s" })).token;
}

test("a node tells where it listens: on the main port and one for each worker, all different", async () => {
  const server = await startServer();
  assert.equal(server.ports.length, 3);
  assert.equal(new Set(server.ports).size, 3);
  assert.equal(server.address, `127.0.0.1:${server.ports[0]}`);
  assert.equal(server.recovered, 0);
  const { exitCode } = await server.stop();
  assert.equal(exitCode, 0);
});

test("the map of workers says the host that is advertised, with the ports that the workers have", async () => {
  const server = await startServer({ flags: ["--listen-advertise", "lock.example"] });
  const { connection, welcome } = await RawConnection.greeted(`127.0.0.1:${server.ports[0]}`);
  assert.deepEqual(
    welcome.map.workers,
    server.ports.slice(1).map((port) => `lock.example:${port}`),
  );
  connection.cut();
  await server.stop();
});

test("a lock that was answered is there after kill -9, with the same token (INV-3)", async () => {
  const dataDir = freshDirectory();
  const first = await startServer({ dataDir });
  const token = await asClient(first.url, (holdfast) => acquire(holdfast, "order:1"));
  await first.kill();

  const second = await startServer({ dataDir });
  assert.equal(second.recovered, 1);
  await asClient(second.url, async (holdfast) => {
    await assert.rejects(acquire(holdfast, "order:1"), BusyError);
    await holdfast.releaseDetached("order:1", token);
    assert.ok((await acquire(holdfast, "order:1")) > token, "INV-2: a later grant has a larger token");
  });
  await second.stop();
});

test("SIGTERM and SIGINT end a node with 0 within five seconds", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const server = await startServer();
    const startMs = performance.now();
    process.kill(server.pid, signal);
    const { exitCode, stderr } = await server.ended;
    assert.equal(exitCode, 0, stderr);
    assert.ok(performance.now() - startMs < 5_000);
  }
});

test("a node drains with clients that hold, wait and watch: it tells them, and exits with 0", async () => {
  const server = await startServer();
  const holder = await Holdfast.connect({ url: server.url });
  const waiter = await Holdfast.connect({ url: server.url });
  await holder.acquire("order:1");
  const refused = assert.rejects(waiter.acquire("order:1", { wait: "1m" })); // Heard from now on, whenever it ends.
  await until("the waiter", async () => (await holder.check("order:1")).waiters === 1);
  const watch = await fetch(`http://${server.address}/v1/watch?pattern=order:*`);
  assert.equal(watch.status, 200);
  const { exitCode, stderr } = await server.stop();
  assert.equal(exitCode, 0, stderr);
  await Promise.allSettled([watch.text(), holder.close(), waiter.close()]);
  await refused;
});

test("what a client has sent when the node drains is executed and answered, also where it is forwarded", async () => {
  const server = await startServer({ flags: ["--workers", "2"] });
  const clients = await Promise.all(server.ports.slice(1).map((port) => RawConnection.greeted(`127.0.0.1:${port}`)));
  const held = await Promise.all(
    clients.map(async ({ connection }, at) => {
      const tokens: [string, number][] = [];
      for (let index = 0; index < 200; index++) {
        connection.send([[KIND_ACQUIRE, index + 1, `drain-${at}:${index}`, 60_000]]);
        const granted = await connection.take((message) => message.kind === "granted" && message.id === index + 1);
        assert.ok(granted.kind === "granted");
        tokens.push([`drain-${at}:${index}`, granted.token]);
      }
      return tokens;
    }),
  );
  // Waits over HTTP on both workers: what ends them when the node drains is a CANCEL, and half of them are forwarded.
  const waits = held
    .flat()
    .slice(150, 250)
    .map(async ([resource]) => {
      const body = JSON.stringify({ resource, wait: "1m", ttl: "60s" });
      const headers = { "content-type": "application/json" };
      return (await fetch(`http://${server.address}/v1/acquire`, { method: "POST", headers, body })).status;
    });
  const { connection: observer } = clients[0] ?? assert.fail();
  for (const [id, [resource]] of held.flat().slice(150, 250).entries()) {
    await until(`a waiter for ${resource}`, async () => {
      observer.send([[KIND_CHECK, 10_000 + id, resource]]);
      const checked = await observer.take((message) => message.kind === "checked" && message.id === 10_000 + id);
      return checked.kind === "checked" && checked.waiters === 1;
    });
  }
  for (const [at, { connection }] of clients.entries()) {
    connection.send((held[at] ?? []).map(([resource, token], index) => [KIND_RELEASE, 1_000 + index, resource, token]));
  }
  const ended = server.stop();
  const released = clients.map(({ connection }, at) =>
    Promise.all(
      (held[at] ?? []).map((_, index) =>
        connection.take((message) => "id" in message && message.id === 1_000 + index).then(({ kind }) => kind),
      ),
    ),
  );
  const answers = (await Promise.all(released)).flat();
  assert.ok(
    answers.every((kind) => kind === "released" || kind === "fault"),
    "each is answered: executed, or refused because the node drains",
  );
  const statuses = await Promise.all(waits);
  const { exitCode, stderr } = await ended;
  assert.equal(exitCode, 0, stderr);
  const again = await startServer({ dataDir: server.dataDir });
  const executed = answers.filter((kind) => kind === "released").length;
  const grantedToWaiters = statuses.filter((status) => status === 200).length;
  assert.equal(
    again.recovered,
    held.flat().length - executed + grantedToWaiters,
    "no wait and no ghost is left (INV-7)",
  );
  await again.stop();
});

test("a second server on the same data directory is refused, and told who has it", async () => {
  const server = await startServer();
  const second = await runCommand(serverFlags(server.dataDir));
  assert.equal(second.exitCode, 1);
  assert.match(second.stderr, /data-dir-in-use/);
  assert.match(second.stderr, new RegExp(`process ${server.pid}\\b`));
  await server.stop();
});

test("a second server on the same port is refused, and told who has it", async () => {
  const server = await startServer();
  const second = await runCommand(serverFlags(freshDirectory(), ["--listen-main", String(server.ports[0])]));
  assert.equal(second.exitCode, 1);
  assert.match(second.stderr, /port-in-use/);
  assert.match(second.stderr, new RegExp(`process ${server.pid}\\b`));
  await server.stop();
});

test("a store that is missing is a loss: the node says so and does not start with an empty one (R-14)", async () => {
  const server = await startServer();
  await server.stop();
  for (const name of readdirSync(server.dataDir)) {
    if (name.startsWith("store-0.db")) rmSync(join(server.dataDir, name));
  }
  const second = await runCommand(serverFlags(server.dataDir));
  assert.equal(second.exitCode, 1);
  assert.match(second.stderr, /store-missing/);
});

test("a store that is damaged is refused with its name, and the process exits with 1", async () => {
  const server = await startServer();
  await asClient(server.url, (holdfast) => acquire(holdfast, "order:1"));
  await server.stop();
  truncateSync(join(server.dataDir, "store-1.db"), 5_000);
  const second = await runCommand(serverFlags(server.dataDir));
  assert.equal(second.exitCode, 1);
  assert.match(second.stderr, /store-1\.db/);
});

test("another number of workers finds every lock where it was", async () => {
  const dataDir = freshDirectory();
  const names = Array.from({ length: 12 }, (_, index) => `order:${index}`);
  const first = await startServer({ dataDir });
  await asClient(first.url, async (holdfast) => {
    for (const name of names) await acquire(holdfast, name);
  });
  await first.stop();

  const second = await startServer({ dataDir, flags: ["--workers", "1"] });
  assert.equal(second.recovered, names.length);
  await asClient(second.url, async (holdfast) => {
    const resources: string[] = [];
    for await (const { resource } of holdfast.list("order:")) resources.push(resource);
    assert.deepEqual(resources.sort(), [...names].sort());
  });
  await second.stop();
});
