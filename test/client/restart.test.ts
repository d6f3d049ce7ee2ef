/** The library against a real server that is killed and started again: who holds goes on holding, who waits goes on waiting. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Holdfast } from "../../src/client/index.js";
import { freshDirectory, type ServerProcess, startServer, until } from "../node/server-process.js";

/** Time enough for a restart on a machine that is busy. */
const PATIENCE = "60s";

/** A server that comes back at its address, as a supervisor brings it back. */
class Restarting {
  readonly #dataDir = freshDirectory();
  #server: ServerProcess | undefined;

  async start(): Promise<ServerProcess> {
    const main = this.#server?.ports[0];
    const flags = main === undefined ? [] : ["--listen-main", String(main)];
    this.#server = await startServer({ dataDir: this.#dataDir, flags });
    return this.#server;
  }

  /** kill -9, and up again. */
  async restart(): Promise<ServerProcess> {
    await this.#server?.kill();
    return this.start();
  }
}

async function connect(server: ServerProcess): Promise<Holdfast> {
  return Holdfast.connect({ url: server.url, answerWithin: PATIENCE, ttl: "2m" });
}

test("a held lock rides through kill -9: nobody else gets it, its holder believes on, and releases it by its token", async () => {
  const node = new Restarting();
  const holder = await connect(await node.start());
  const lock = await holder.acquire("held:1");
  const server = await node.restart();
  assert.equal(lock.signal.aborted, false);
  const other = await connect(server);
  assert.equal(await other.tryAcquire("held:1"), undefined);
  await lock.renew();
  await lock.release();
  const next = await other.acquire("held:1");
  assert.ok(next.token > lock.token, "INV-2");
  await Promise.all([holder.close(), other.close()]);
  await server.stop();
});

test("who waits keeps the place in the queue through kill -9, and is granted in turn (INV-6)", async () => {
  const node = new Restarting();
  const first = await node.start();
  const clients = await Promise.all([connect(first), connect(first), connect(first)]);
  const [holder, second, third] = clients;
  const lock = await holder.acquire("queue:1");
  const order: string[] = [];
  const granted: Promise<void>[] = [];
  for (const [name, client, ahead] of [
    ["second", second, 0],
    ["third", third, 1],
  ] as const) {
    granted.push(
      client.withLock("queue:1", { wait: "5m" }, () => {
        order.push(name);
      }),
    );
    await until(`${name} to wait`, async () => (await holder.check("queue:1")).waiters === ahead + 1);
  }
  const server = await node.restart();
  assert.equal((await holder.check("queue:1")).waiters, 2);
  assert.deepEqual(order, []);
  await lock.release();
  await Promise.all(granted);
  assert.deepEqual(order, ["second", "third"]);
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
});

test("clients that take turns under one lock go on through two kills: never two at once, tokens only grow, nothing is left", async () => {
  const node = new Restarting();
  const first = await node.start();
  const clients = await Promise.all([connect(first), connect(first), connect(first)]);
  const tokens: number[] = [];
  let inside = 0;
  let isEnding = false;
  const work = clients.map(async (client) => {
    while (!isEnding) {
      await client.withLock("turns:1", { wait: "5m" }, async ({ token }) => {
        assert.equal(++inside, 1, "INV-1");
        tokens.push(token);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      });
    }
  });
  let server = first;
  for (let kills = 0; kills < 2; kills++) {
    const from = tokens.length;
    await until("turns before the kill", () => tokens.length > from + 20);
    server = await node.restart();
  }
  const from = tokens.length;
  await until("turns after the last kill", () => tokens.length > from + 20);
  isEnding = true;
  await Promise.all(work);
  assert.deepEqual(
    [...tokens].sort((one, other) => one - other),
    tokens,
    "INV-2",
  );
  assert.equal(new Set(tokens).size, tokens.length, "INV-7: none was granted twice");
  const [observer] = clients;
  const left = await observer.check("turns:1");
  assert.deepEqual([left.holders.length, left.waiters], [0, 0]);
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
});

test("a watch of the library goes on through kill -9 and misses nothing", async () => {
  const node = new Restarting();
  const first = await node.start();
  const watcher = await connect(first);
  const writer = await connect(first);
  const seen: string[] = [];
  const stop = new AbortController();
  let cursor = "";
  const watching = (async () => {
    for await (const event of watcher.watch("seen:*", { signal: stop.signal })) {
      seen.push(event.kind === "resync" ? "resync" : `${event.kind} ${event.resource}`);
      cursor = event.cursor;
    }
  })();
  const expected: string[] = [];
  const turn = async (index: number): Promise<void> => {
    await writer.withLock(`seen:${index}`, {}, () => undefined);
    expected.push(`granted seen:${index}`, `released seen:${index}`);
  };
  await until("the watch", async () => {
    await writer.withLock("seen:first", {}, () => undefined);
    return seen.length > 0;
  });
  for (let index = 0; index < 20; index++) await turn(index);
  const server = await node.restart();
  for (let index = 20; index < 40; index++) await turn(index);
  await until("the last event", () => expected.every((one) => seen.includes(one)));
  const told = seen.filter((one) => !one.endsWith("seen:first"));
  assert.deepEqual([...told].sort(), [...expected].sort(), "each once, and no resync");
  assert.equal(cursor.split(",").length, 64, "its cursor is good for a whole new watch");
  stop.abort();
  await watching;
  await Promise.all([watcher.close(), writer.close()]);
  await server.stop();
});
