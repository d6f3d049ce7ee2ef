/** WATCH over one connection: every worker of the node, in order, from where the cursor says, and within bounds. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KIND_ACQUIRE, KIND_RELEASE, KIND_UNWATCH, KIND_WATCH } from "../../src/words/kinds.js";
import type { Push } from "../../src/protocol/server-messages.js";
import { RawConnection } from "../client/raw-connection.js";
import { type ServerProcess, startServer, until } from "../node/server-process.js";
import { ask, freshKey, openPath, refused, shardOf } from "./wire.js";

let server: ServerProcess;
let ids = 0;

before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

type Event = Push & { readonly kind: "event" };

/** One watch on a connection of its own, and what it was told. */
class Watching {
  readonly connection: RawConnection;
  readonly id: number;
  readonly cursor: string;
  readonly events: Event[] = [];
  resyncs = 0;
  /** The cursor by which it is taken up again. */
  place: string;

  private constructor(connection: RawConnection, id: number, begun: { cursor: string; kind: string }) {
    this.connection = connection;
    this.id = id;
    this.cursor = begun.cursor;
    this.place = begun.cursor;
    if (begun.kind === "resync") this.resyncs++;
  }

  static async begin(pattern: string, cursor?: string, address = server.address): Promise<Watching> {
    const { connection } = await RawConnection.greeted(address);
    const id = ++ids;
    connection.send([[KIND_WATCH, id, pattern, cursor ?? null]]);
    const begun = await connection.take(
      (message) =>
        (message.kind === "watching" && message.id === id) || (message.kind === "resync" && message.watchId === id),
    );
    assert.ok(begun.kind === "watching" || begun.kind === "resync");
    return new Watching(connection, id, begun);
  }

  /** Waits until it was told so many events in all. */
  async until(count: number): Promise<readonly Event[]> {
    await until(`${count} events, of which there are ${this.events.length}`, () => {
      this.#read();
      return this.events.length >= count;
    });
    return this.events;
  }

  #read(): void {
    const { received } = this.connection;
    for (const message of received.splice(0)) {
      if (message.kind === "resync") this.resyncs++;
      if (message.kind !== "event") continue;
      this.events.push(message);
      this.place += `,${message.cursor}`;
    }
  }

  /** What it was told of one resource. */
  of(resource: string): readonly string[] {
    return this.events.filter((event) => event.resource === resource).map(({ event }) => event);
  }
}

/** Acquires and releases each of the resources, in one frame; answers when all is answered. */
async function takeAndGive(connection: RawConnection, resources: readonly string[]): Promise<void> {
  const tokens = await Promise.all(
    resources.map(async (resource) => {
      const id = ++ids;
      connection.send([[KIND_ACQUIRE, id, resource, 60_000]]);
      const granted = await connection.take((message) => message.kind === "granted" && message.id === id);
      assert.ok(granted.kind === "granted");
      return granted.token;
    }),
  );
  await Promise.all(
    resources.map(async (resource, index) => {
      const id = ++ids;
      connection.send([[KIND_RELEASE, id, resource, tokens[index] ?? 0]]);
      await connection.take((message) => message.kind === "released" && message.id === id);
    }),
  );
}

function namesOf(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}:${index}`);
}

test("one watch of a beginning covers every worker of the node, and each shard in its order", async () => {
  for (const port of server.ports) {
    const watching = await Watching.begin(`all-${port}:*`, undefined, `127.0.0.1:${port}`);
    assert.equal(watching.cursor.split(",").length, 64, "its cursor has an LSN for each shard");
    const { connection } = await RawConnection.greeted(server.address);
    const names = namesOf(`all-${port}`, 40);
    assert.equal(new Set(names.map((name) => shardOf(name) % 2)).size, 2, "the names are on both workers");
    await takeAndGive(connection, names);
    await takeAndGive(connection, [`other-${port}:1`]);
    await watching.until(80);
    for (const name of names) assert.deepEqual(watching.of(name), ["granted", "released"], name);
    const last = new Map<number, number>();
    for (const { resource, lsn } of watching.events) {
      assert.ok(lsn > (last.get(shardOf(resource)) ?? 0), "LSNs of a shard grow");
      last.set(shardOf(resource), lsn);
    }
    connection.cut();
    watching.connection.cut();
  }
});

test("an event names the session and the principal of its claim, also of one that is gone with it", async () => {
  const watching = await Watching.begin("who:*");
  const { connection } = await RawConnection.greeted(server.address);
  await takeAndGive(connection, ["who:1"]);
  const key = freshKey();
  const { path } = await openPath(connection, { key, ttlMs: 30_000, worker: shardOf("who:2") % 2 });
  const granted = await ask(connection, [KIND_ACQUIRE, 1, "who:2", 30_000], path);
  assert.ok(granted.kind === "granted");
  const events = await watching.until(3);
  assert.deepEqual(
    events.map(({ resource, principal, client }) => [resource, principal, client === "" ? "" : "session"]),
    [
      ["who:1", "local", ""],
      ["who:1", "local", ""],
      ["who:2", "local", "session"],
    ],
  );
  connection.cut();
  watching.connection.cut();
});

test("a watch that is taken up again is told what has happened since, once, before what happens now", async () => {
  const first = await Watching.begin("again:*");
  const { connection } = await RawConnection.greeted(server.address);
  const names = namesOf("again", 30);
  await takeAndGive(connection, names);
  await first.until(30);
  first.connection.cut();
  await takeAndGive(connection, names);
  const second = await Watching.begin("again:*", first.place);
  const meanwhile = takeAndGive(connection, names);
  await second.until(180 - first.events.length);
  await meanwhile;
  assert.equal(second.resyncs, 0);
  const seen = [...first.events, ...second.events];
  assert.equal(seen.length, 180);
  assert.equal(new Set(seen.map(({ resource, lsn }) => `${shardOf(resource)}.${lsn}`)).size, 180, "none twice");
  for (const name of names) {
    const kinds = seen.filter(({ resource }) => resource === name).map(({ event }) => event);
    assert.deepEqual(kinds, ["granted", "released", "granted", "released", "granted", "released"], name);
  }
  connection.cut();
  second.connection.cut();
});

test("a watch is taken up again after a kill and a restart, out of the log", async () => {
  const before = await startServer();
  const first = await Watching.begin("kept:*", undefined, before.address);
  const writer = (await RawConnection.greeted(before.address)).connection;
  await takeAndGive(writer, namesOf("kept", 20));
  await before.kill();
  const now = await startServer({ dataDir: before.dataDir });
  const second = await Watching.begin("kept:*", first.cursor, now.address);
  const events = await second.until(40);
  assert.equal(second.resyncs, 0);
  assert.ok(events.every(({ principal }) => principal === "local"));
  for (const name of namesOf("kept", 20)) assert.deepEqual(second.of(name), ["granted", "released"], name);
  await now.stop();
});

test("where the log is gone, of another era, or ahead of it, the watch is told so once, and goes on from now", async () => {
  const { connection } = await RawConnection.greeted(server.address);
  const whole = (await Watching.begin("gone:*")).cursor;
  await takeAndGive(connection, namesOf("gone", 20));
  const firstPiece = whole.split(",")[0] ?? "";
  const shard = firstPiece.split(".")[0] ?? "";
  for (const cursor of [`${whole},${shard}.${2 ** 40}`, `${whole},${shard}.${2 ** 39}`, firstPiece]) {
    const watching = await Watching.begin("gone:*", cursor);
    assert.equal(watching.resyncs, 1);
    assert.equal(watching.cursor.split(",").length, 64);
    await takeAndGive(connection, namesOf("gone", 3));
    await watching.until(6);
    assert.equal(watching.events.length, 6);
    assert.equal(watching.resyncs, 1);
    watching.connection.cut();
  }
  connection.cut();
});

test("a long past is told at the speed of its reader, and a reader that stands still costs a bounded memory", async () => {
  const small = await startServer({ flags: ["--limits-unsent-max", "64KiB", "--limits-frame-max", "64KiB"] });
  const begun = await Watching.begin("past:*", undefined, small.address);
  const { connection } = await RawConnection.greeted(small.address);
  const long = "\u{1f512}".repeat(200);
  const names = namesOf("past", 50).map((name) => name + long);
  for (let rounds = 0; rounds < 40; rounds++) await takeAndGive(connection, names);
  begun.connection.cut();

  const slow = await RawConnection.greeted(small.address);
  slow.connection.socket.pause();
  slow.connection.send([[KIND_WATCH, 1, "past:*", begun.cursor]]);
  const reader = await Watching.begin("past:*", begun.cursor, small.address);
  await reader.until(4_000);
  assert.equal(reader.resyncs, 0);
  assert.equal(reader.events.length, 4_000);
  slow.connection.socket.resume();
  await until("the slow reader to be told all of it", () => {
    return slow.connection.received.filter(({ kind }) => kind === "event").length === 4_000;
  });
  await small.stop();
});

test("watches are counted and ended on the connection, wherever their shards are", async () => {
  const small = await startServer({ flags: ["--limits-watches-per-connection-max", "2"] });
  const { connection } = await RawConnection.greeted(small.address);
  for (const id of [1, 2]) {
    connection.send([[KIND_WATCH, id, "few:*"]]);
    await connection.take((message) => message.kind === "watching" && message.id === id);
  }
  assert.equal(await refused(connection, [KIND_WATCH, 3, "few:*"]), "too-many-watches");
  const ended = await ask(connection, [KIND_UNWATCH, 4, 1]);
  assert.ok(ended.kind === "done" && ended.count === 1);
  assert.equal(await refused(connection, [KIND_WATCH, 2, "few:*"]), "request-id-reused");
  connection.send([[KIND_WATCH, 5, "few:*"]]);
  await connection.take((message) => message.kind === "watching" && message.id === 5);
  const other = await RawConnection.greeted(small.address);
  await takeAndGive(other.connection, ["few:1"]);
  await until("four events", () => connection.received.filter(({ kind }) => kind === "event").length === 4);
  const told = connection.received.filter((message): message is Event => message.kind === "event");
  assert.deepEqual(told.map(({ watchId }) => watchId).sort(), [2, 2, 5, 5]);
  await small.stop();
});
