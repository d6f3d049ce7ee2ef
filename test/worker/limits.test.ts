/** Every limit of the design at its bound, below and above it: what is above gets a fault that names the bound. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Field, Message } from "../../src/protocol/client-codec.js";
import { RawConnection } from "../client/raw-connection.js";
import { type ServerProcess, startServer, until } from "../node/server-process.js";
import { answers, ask, Bystander, freshKey, nameAt, nameWhere, openPath, refused, shardOf, totals } from "./wire.js";

/** Small ones, so that a test reaches them: what is fixed or quickly reached stays as it is. */
const FLAGS: readonly string[] = [
  ...["--limits-ttl-min", "100ms", "--limits-ttl-default", "5s", "--limits-ttl-max", "20s", "--limits-wait-max", "15s"],
  ...["--limits-lock-delay-max", "1s", "--limits-permits-max", "4", "--limits-waiters-per-resource-max", "3"],
  ...["--limits-metadata-max", "32B", "--limits-frame-max", "4KiB", "--limits-requests-per-frame-max", "100"],
  ...["--limits-sessions-per-connection-max", "5", "--limits-unanswered-per-session-max", "4"],
  ...["--limits-unread-outcomes-max", "6", "--limits-watches-per-connection-max", "3"],
];

let server: ServerProcess;
let bystander: Bystander;
let connections = 0;

before(async () => {
  server = await startServer({ flags: FLAGS });
  bystander = await Bystander.at(server.address);
  await bystander.isWell();
  ({ connections } = await totals(bystander.connection));
});

async function greeted(): Promise<RawConnection> {
  return (await RawConnection.greeted(server.address)).connection;
}

test("the handshake announces the limits in force", async () => {
  const { connection, welcome } = await RawConnection.greeted(server.address);
  const { limits } = welcome;
  assert.deepEqual([limits.get("ttlMinMs"), limits.get("frameBytesMax"), limits.get("permitsMax")], [100, 4_096, 4]);
  connection.cut();
});

test("TTL, wait, lock-delay, permits and metadata are taken at their bounds and refused beyond", async () => {
  const connection = await greeted();
  const { path } = await openPath(connection, { key: freshKey(), ttlMs: 20_000 });
  let id = 0;
  const acquire = (...fields: readonly Field[]): Message => [10, ++id, nameAt(0), ...fields];
  const taken: readonly (readonly Field[])[] = [
    [100],
    [20_000],
    [101, 15_000],
    [100, 0, 0, 0, 1_000],
    [100, 0, 2, 1],
    [100, 0, 2, 4],
    [100, 0, 0, 0, 0, "x".repeat(32)],
    [100, 0, 0, 0, 0, "é".repeat(16)],
  ];
  for (const fields of taken)
    assert.equal((await ask(connection, acquire(...fields), path)).kind, "granted", JSON.stringify(fields));
  const above: readonly (readonly [fields: readonly Field[], code: string])[] = [
    [[99], "ttl-out-of-range"],
    [[20_001], "ttl-out-of-range"],
    [[100, 15_001], "wait-out-of-range"],
    [[100, -1], "wait-out-of-range"],
    [[100, 0, 0, 0, 1_001], "lock-delay-out-of-range"],
    [[100, 0, 0, 0, -1], "lock-delay-out-of-range"],
    [[100, 0, 2, 0], "permits-out-of-range"],
    [[100, 0, 2, 5], "permits-out-of-range"],
    [[100, 0, 0, 0, 0, "x".repeat(33)], "metadata-too-long"],
    [[100, 0, 0, 0, 0, "é".repeat(17)], "metadata-too-long"],
  ];
  for (const [fields, code] of above)
    assert.equal(await refused(connection, acquire(...fields), path), code, JSON.stringify(fields));
  for (const kind of [16, 17]) {
    assert.equal((await ask(connection, [kind, ++id, nameAt(0), 0, "x".repeat(32)])).kind, "done");
    assert.equal(await refused(connection, [kind, ++id, nameAt(0), 0, "x".repeat(33)]), "metadata-too-long");
  }
  connection.cut();
});

test("as many permits as there are hold at once, and a resource keeps its use while anyone holds", async () => {
  const connection = await greeted();
  const resource = nameAt(0);
  for (const id of [1, 2, 3, 4])
    assert.equal((await ask(connection, [10, id, resource, 5_000, 0, 2, 4])).kind, "granted");
  const busy = await ask(connection, [10, 5, resource, 5_000, 0, 2, 4]);
  assert.ok(busy.kind === "busy" && busy.holders.length === 4);
  for (const request of [
    [10, 6, resource, 5_000, 0, 2, 3],
    [10, 7, resource, 5_000],
    [10, 8, resource, 5_000, 0, 1],
  ]) {
    assert.equal(await refused(connection, request), "mode-in-use");
  }
  connection.cut();
});

test("so many may wait for one resource, and so often one session; whoever goes makes room", async () => {
  const connection = await greeted();
  const resource = nameAt(0);
  assert.equal((await ask(connection, [10, 1, resource, 15_000])).kind, "granted");
  const { path } = await openPath(connection, { key: freshKey(), ttlMs: 15_000 });
  connection.send([[2, path], ...[2, 3, 4].map((id): Message => [10, id, resource, 5_000, 15_000])]);
  assert.equal(await refused(connection, [10, 5, resource, 5_000, 15_000], path), "too-many-waiters");
  assert.equal((await ask(connection, [14, 6, resource, 4], path)).kind, "cancelled");
  const inShard = shardOf(resource);
  const others = Array.from({ length: 3 }, () => nameWhere((shard) => shard === inShard));
  for (const [at, other] of others.entries())
    assert.equal((await ask(connection, [10, 10 + at, other, 15_000])).kind, "granted");
  connection.send([[2, path], ...others.slice(0, 2).map((other, at): Message => [10, 20 + at, other, 5_000, 15_000])]);
  assert.equal(await refused(connection, [10, 22, others[2] ?? "", 5_000, 15_000], path), "too-many-unanswered");
  assert.equal((await ask(connection, [5, 99, path])).kind, "done");
  connection.cut();
});

test("so many sessions and watches may one connection have", async () => {
  const connection = await greeted();
  const keys = Array.from({ length: 6 }, () => freshKey());
  assert.equal(await refused(connection, [3, 1, 0, keys.map((key) => [key, 5_000])]), "too-many-sessions");
  connection.send([[3, 2, 0, keys.slice(0, 5).map((key) => [key, 5_000])]]);
  const opened = await connection.take((message) => message.kind === "opened");
  assert.equal(opened.paths.length, 5);
  assert.equal(await refused(connection, [3, 3, 0, [[keys[5] ?? null, 5_000]]]), "too-many-sessions");
  assert.equal((await ask(connection, [5, 4, opened.paths[0] ?? 0])).kind, "done");
  connection.send([[3, 5, 0, [[keys[5] ?? null, 5_000]]]]);
  await connection.take((message) => message.kind === "opened" && message.id === 5);
  for (const id of [11, 12, 13]) assert.equal((await ask(connection, [21, id, "test:*"])).kind, "watching");
  assert.equal(await refused(connection, [21, 14, "test:*"]), "too-many-watches");
  assert.equal((await ask(connection, [22, 15, 11])).kind, "done");
  assert.equal((await ask(connection, [21, 16, "x".repeat(1_020)])).kind, "watching");
  connection.cut();
});

test("answers that a client never says it has seen are kept up to the limit, then its requests are refused until it does", async () => {
  const connection = await greeted();
  const { path } = await openPath(connection, { key: freshKey(), ttlMs: 15_000 });
  const shard = shardOf(nameAt(0));
  const names = Array.from({ length: 7 }, () => nameWhere((one) => one === shard));
  for (const [at, name] of names.slice(0, 6).entries()) {
    assert.equal((await ask(connection, [10, at + 1, name, 15_000], path)).kind, "granted");
  }
  assert.equal(await refused(connection, [10, 7, names[6] ?? "", 15_000], path), "too-many-unread-outcomes");
  connection.send([
    [2, path, 9, 6],
    [10, 8, names[6] ?? "", 15_000],
  ]); // Seen: all up to 6.
  assert.equal((await connection.take(answers(8))).kind, "granted");
  connection.cut();
});

test("a frame of the largest size and count is worked off; one more of either closes with 4413", async () => {
  const resource = nameAt(0);
  const many = (count: number): readonly Message[] => Array.from({ length: count }, (_, at) => [13, at + 1, resource]);
  const connection = await greeted();
  connection.send(many(100));
  for (let id = 1; id <= 100; id++) await connection.take(answers(id));
  connection.send(many(101));
  const fault = await connection.take((message) => message.kind === "fault");
  assert.ok(fault.code === "frame-too-large" && fault.id === 0);
  assert.match(fault.message, /100 messages, not 101/);
  assert.deepEqual(await connection.closed(), {
    code: 4413,
    reason: "frame-too-large: a frame has at most 100 messages, not 101",
  });

  const large = await greeted();
  const filled = (size: number): Uint8Array =>
    Buffer.concat([
      Uint8Array.of(0x91, 0x94, 99, 1, 0, 0xc5, (size - 8) >> 8, (size - 8) & 255),
      Buffer.alloc(size - 8),
    ]);
  large.sendBytes(filled(4_096));
  const unknown = await large.take(answers(1));
  assert.ok(unknown.kind === "fault" && unknown.code === "unknown-request");
  large.sendBytes(filled(4_097));
  const { code, reason } = await large.closed();
  assert.equal(code, 4413);
  assert.match(reason, /4096 bytes, not 4097/);
  await bystander.isWell();
});

test("a frame that is longer than anybody may send is cut off by the socket itself", async () => {
  const connection = await greeted();
  connection.sendBytes(new Uint8Array(4_096 * 5));
  const { code } = await connection.closed();
  assert.ok(code === 1006 || code === 1009, `closed with ${code}`);
  await bystander.isWell();
});

test("after all of it nothing is left behind, and the server ends in order", async () => {
  await until("only the bystander to be connected", async () => {
    const now = await totals(bystander.connection);
    return now.connections === connections && now.sessions === 0 && now.waiters === 0;
  });
  await bystander.end();
  const { exitCode, stderr } = await server.stop();
  assert.equal(exitCode, 0, stderr);
});
