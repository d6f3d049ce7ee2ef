/** Malformed input of every kind: each gets its typed error or the reason of a close, and nobody else notices. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Packr } from "msgpackr";
import type { Field, Message } from "../../src/protocol/client-codec.js";
import { RawConnection } from "../client/raw-connection.js";
import { type ServerProcess, startServer, until } from "../node/server-process.js";
import { answers, ask, Bystander, freshKey, nameAt, openPath, refused, totals } from "./wire.js";

const packr = new Packr({ useRecords: false, variableMapSize: true });

let server: ServerProcess;
let bystander: Bystander;
let connections = 0;

before(async () => {
  server = await startServer({ flags: ["--limits-ttl-min", "50ms", "--limits-ttl-max", "60s"] });
  bystander = await Bystander.at(server.address);
  await bystander.isWell();
  ({ connections } = await totals(bystander.connection));
});

async function greeted(): Promise<RawConnection> {
  return (await RawConnection.greeted(server.address)).connection;
}

/** All connections but the bystander's are gone from the server's books. */
async function isQuiet(): Promise<void> {
  await until(
    "every connection to be forgotten",
    async () => (await totals(bystander.connection)).connections === connections,
  );
  await bystander.isWell();
}

const BYTES: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ["nothing", []],
  ["no array", [0x01]],
  ["a map", [0x81, 0x01, 0x01]],
  ["a message that is no array", [0x91, 0x05]],
  ["a message of one field", [0x91, 0x91, 0x0d]],
  ["a kind that is a string", [0x91, 0x92, 0xa1, 0x61, 0x01]],
  ["a frame that ends early", [0x92, 0x93, 0x0d, 0x01, 0xa3, 0x61, 0x3a, 0x62]],
  ["bytes behind the last message", [0x91, 0x93, 0x0d, 0x01, 0xa3, 0x61, 0x3a, 0x62, 0x00]],
  ["an array of 2^32 - 1 messages with nothing in it", [0xdd, 0xff, 0xff, 0xff, 0xff]],
  ["a string of 4 GiB", [0x91, 0x93, 0x0d, 0x01, 0xdb, 0xff, 0xff, 0xff, 0xff]],
  ["an extension of 4 GiB", [0x91, 0x93, 0x63, 0x01, 0xc9, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ["a map of 2^32 - 1 pairs", [0x91, 0x93, 0x63, 0x01, 0xdf, 0xff, 0xff, 0xff, 0xff]],
  ["arrays in arrays, 100,000 deep", [0x91, 0x93, 0x63, 0x01, ...Array.from({ length: 100_000 }, () => 0x91)]],
  ["maps in maps, 100,000 deep", [0x91, 0x93, 0x63, 0x01, ...Array.from({ length: 100_000 }, () => 0x81)]],
  ["the byte that msgpack never uses", [0x91, 0x93, 0x63, 0x01, 0xc1]],
  ["a group whose path is a string", [0x91, 0x92, 0x02, 0xa1, 0x61]],
];

test("bytes that are not the protocol close the connection with 4400 and where they are", async () => {
  for (const [name, bytes] of BYTES) {
    const connection = await greeted();
    connection.sendBytes(Uint8Array.from(bytes));
    const { code, reason } = await connection.closed();
    assert.deepEqual(
      [code, reason.slice(0, 9)],
      [
        name === "an array of 2^32 - 1 messages with nothing in it" ? 4413 : 4400,
        code === 4413 ? "frame-too" : "malformed",
      ],
      name,
    );
    assert.match(reason, /^[ -~]+$/, name);
  }
  await isQuiet();
});

test("a text message closes the connection with 4400", async () => {
  const connection = await greeted();
  connection.socket.send("hello");
  assert.deepEqual(await connection.closed(), { code: 4400, reason: "malformed: frames are binary messages" });
  await isQuiet();
});

const HELLOS: readonly (readonly [what: string, code: number, frame: unknown])[] = [
  ["no array", 4400, 7],
  ["nothing", 4400, []],
  ["a request before HELLO", 4400, [[13, 1, "a:b"]]],
  ["a HELLO without a map", 4400, [[1]]],
  ["a HELLO of nil", 4400, [[1, null]]],
  ["a version that is a string", 4400, [[1, { version: "1" }]]],
  ["a client's name of 201 characters", 4400, [[1, { version: 1, client: "x".repeat(201) }]]],
  ["a client's name that is a date", 4400, [[1, { version: 1, client: new Date(0) }]]],
  ["a key of 4,097 characters", 4400, [[1, { version: 1, credentials: { key: "x".repeat(4_097) } }]]],
  ["another version", 4409, [[1, { version: 2 }]]],
  ["a version that is no whole number", 4409, [[1, { version: 1.5 }]]],
];

test("a handshake that is none is refused with a code and a reason in plain ASCII", async () => {
  for (const [what, code, frame] of HELLOS) {
    const connection = await RawConnection.connect(server.address);
    connection.sendBytes(packr.pack(frame));
    const closed = await connection.closed();
    assert.equal(closed.code, code, `${what}: ${closed.reason}`);
    assert.match(closed.reason, code === 4400 ? /^malformed: [ -~]+$/ : /^version-unsupported: [ -~]+$/, what);
  }
  for (const [name, bytes] of BYTES) {
    const connection = await RawConnection.connect(server.address);
    connection.sendBytes(Uint8Array.from(bytes));
    assert.equal((await connection.closed()).code, 4400, name);
  }
  await isQuiet();
});

test("what one client's msgpack defines means nothing to another's", async () => {
  const records = new Packr({ useRecords: true });
  const connection = await RawConnection.connect(server.address);
  connection.sendBytes(
    records.pack([
      [1, { version: 1, client: "records" }],
      [4, 64, { x: 1 }],
    ]),
  ); // Defines records 64 and 65.
  const other = await greeted();
  const { path } = await openPath(other, { key: freshKey(), ttlMs: 5_000 });
  for (const id of [64, 65, 66, 67]) assert.equal((await ask(other, [4, id, id, [path]])).kind, "done");
  for (const id of [64, 65]) assert.equal((await ask(other, [22, id, id])).kind, "done");
  connection.cut();
  other.cut();
  await isQuiet();
});

const long = (length: number): string => `a:${"b".repeat(length - 2)}`;
const GOOD_NAMES: readonly string[] = [
  "a:b",
  "a:b:c",
  "a::",
  "a: ",
  "größe:ü",
  long(255),
  `a:${"🔒".repeat(253)}`,
  "a:\u{10ffff}",
  "a:\ufeff",
];
const BAD_NAMES: readonly (readonly [name: Field, code: string])[] = [
  ["", "resource-invalid"],
  ["ab", "resource-invalid"],
  [":", "resource-invalid"],
  ["a:", "resource-invalid"],
  [":b", "resource-invalid"],
  ["a:\0", "resource-invalid"],
  ["a:\n", "resource-invalid"],
  ["a:\u007f", "resource-invalid"],
  ["ü:\u0080", "resource-invalid"],
  ["ü:\u009f", "resource-invalid"],
  [Uint8Array.of(0x61, 0x3a, 0xff), "resource-invalid"],
  [Uint8Array.of(0x61, 0x3a, 0xc3), "resource-invalid"],
  [Uint8Array.of(0x61, 0x3a, 0xc0, 0x80), "resource-invalid"],
  [Uint8Array.of(0x61, 0x3a, 0xed, 0xa0, 0x80), "resource-invalid"],
  [Uint8Array.of(0x61, 0x3a, 0xf4, 0x90, 0x80, 0x80), "resource-invalid"],
  [long(256), "resource-too-long"],
  [`a:${"🔒".repeat(254)}`, "resource-too-long"],
  [long(1_021), "resource-too-long"],
  [long(70_000), "resource-too-long"],
  [7, "malformed"],
  [null, "malformed"],
  [["a:b"], "malformed"],
];

test("a name is two parts with a colon, UTF-8 without control characters, up to 255 characters and 1,020 bytes", async () => {
  const connection = await greeted();
  let id = 0;
  for (const name of GOOD_NAMES) {
    const granted = await ask(connection, [10, ++id, name, 60_000]);
    assert.equal(granted.kind, "granted", name);
    assert.equal((await ask(connection, [11, ++id, name, granted.token])).kind, "released", name);
  }
  for (const [name, code] of BAD_NAMES) {
    for (const request of [
      [10, ++id, name, 50],
      [11, ++id, name, 1],
      [13, ++id, name],
      [17, ++id, name, 0, "x"],
    ]) {
      assert.equal(await refused(connection, request), code, JSON.stringify(request));
    }
  }
  assert.equal((await ask(connection, [13, ++id, "a:b"])).kind, "checked", "the connection goes on");
  connection.cut();
  await isQuiet();
});

test("a TTL out of bounds is refused with the bounds; one that is no whole number is malformed", async () => {
  const connection = await greeted();
  const resource = nameAt(0);
  const asked = async (id: number, ttlMs: Field): Promise<string> => refused(connection, [10, id, resource, ttlMs]);
  for (const ttlMs of [49, 60_001, -1, -0, 0, -(2 ** 31), 2 ** 32, Number.MAX_SAFE_INTEGER])
    assert.equal(await asked(1, ttlMs), "ttl-out-of-range");
  for (const ttlMs of [50.5, "50", true, []]) assert.equal(await asked(2, ttlMs), "malformed", String(ttlMs));
  for (const ttlMs of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2n ** 53n, -(2n ** 63n), new Date(50)]) {
    connection.sendBytes(packr.pack([[10, 3, resource, ttlMs]]));
    const fault = await connection.take(answers(3));
    assert.ok(fault.kind === "fault" && fault.code === "malformed", String(ttlMs));
  }
  const fault = await ask(connection, [10, 3, resource, 49]);
  assert.ok(fault.kind === "fault");
  assert.match(fault.message, /49 ms.*50 to 60000/);
  const granted = await ask(connection, [10, 4, resource, 60_000]);
  assert.ok(granted.kind === "granted");
  for (const ttlMs of [49, 60_001, -1])
    assert.equal(await refused(connection, [12, 5, resource, granted.token, ttlMs]), "ttl-out-of-range");
  assert.equal((await ask(connection, [12, 6, resource, granted.token, 50])).kind, "renewed");
  assert.equal((await ask(connection, [11, 7, resource, granted.token])).kind, "released");
  const float = Uint8Array.of(0xcb, 0x40, 0x49, 0, 0, 0, 0, 0, 0); // 50.0: a float64 with an integral value is an integer.
  connection.sendBytes(
    Buffer.concat([Uint8Array.of(0x91, 0x94, 10, 8, 0xa0 | resource.length), Buffer.from(resource), float]),
  );
  assert.equal((await connection.take(answers(8))).kind, "granted");
  connection.cut();
  await isQuiet();
});

test("a session's TTL out of bounds or no whole number, a key of other length or twice, is refused", async () => {
  const connection = await greeted();
  const key = freshKey();
  for (const ttlMs of [49, 60_001, 0, -50, 50.5])
    assert.equal(await refused(connection, [3, 1, 0, [[key, ttlMs]]]), "ttl-out-of-range");
  const malformed: readonly Field[] = [
    ...[Number.NaN, "50", null].map((ttlMs) => [[key, ttlMs]]),
    ...[key.subarray(1), new Uint8Array(17), "k".repeat(16), 7].map((bad) => [[bad, 50]]),
    ...[
      [
        [key, 50],
        [key, 50],
      ],
      [[key]],
      [7],
      7,
      { a: 1 },
    ],
  ];
  for (const sessions of malformed)
    assert.equal(await refused(connection, [3, 2, 0, sessions]), "malformed", JSON.stringify(sessions));
  assert.equal(await refused(connection, [3, 3, 2, [[key, 50]]]), "malformed", "there are workers 0 and 1");
  assert.equal(await refused(connection, [3, 4, -1, [[key, 50]]]), "malformed");
  assert.equal((await totals(connection)).sessions, 0);
  connection.cut();
  await isQuiet();
});

test("a field of the wrong type, an unknown kind, a bad id and a wrong cursor get their faults, and the rest is done", async () => {
  const connection = await greeted();
  const resource = nameAt(0);
  const wrong: readonly (readonly [request: Message, id: number, code: string])[] = [
    [[13, 1], 1, "malformed"],
    [[10, 2, resource, 50, "soon"], 2, "malformed"],
    [[10, 3, resource, 50, 0, 0, 0, 0, 7], 3, "malformed"],
    [[10, 4, resource, 50, 0, 0, 0, 0, Uint8Array.of(0xff)], 4, "malformed"],
    [[11, 5, resource, "token"], 5, "malformed"],
    [[10, 6, resource, 50, 0, 3], 6, "mode-invalid"],
    [[10, 7, resource, 50, 0, -1], 7, "mode-invalid"],
    [[18, 8, resource], 8, "unknown-request"],
    [[99, 9, resource], 9, "unknown-request"],
    [[20, 10, "", 10, "nonsense"], 10, "cursor-invalid"],
    [[20, 11, "", 10, "l64.1"], 11, "cursor-invalid"],
    [[21, 12, "a:*", "nonsense"], 12, "cursor-invalid"],
    [[21, 13, 7], 13, "malformed"],
    [[21, 14, "x".repeat(1_021)], 14, "resource-too-long"],
    [[4, 15, "count", []], 15, "malformed"],
    [[5, 16, "path"], 16, "malformed"],
    [[14, 17, resource, 1], 17, "session-needs-path"],
    [[10, 18, resource, 50, 1], 18, "wait-needs-session"],
    [[16, 19, resource, 0, "x".repeat(257)], 19, "metadata-too-long"],
  ];
  connection.send([...wrong.map(([request]) => request), [13, 100, resource]]);
  for (const [request, id, code] of wrong) {
    const answer = await connection.take((message) => "id" in message && message.id === id);
    assert.deepEqual([answer.kind, "code" in answer ? answer.code : ""], ["fault", code], JSON.stringify(request));
  }
  await connection.take((message) => message.kind === "checked" && message.id === 100);
  for (const id of [0, -1, 1.5, "1", null]) {
    for (const request of [
      [13, id, resource],
      [23, id],
      [4, id, 1, []],
    ]) {
      connection.send([request]);
      const fault = await connection.take((message) => message.kind === "fault");
      assert.ok(fault.code === "id-invalid" && fault.id === 0, JSON.stringify([request, fault]));
    }
  }
  assert.equal(
    (await ask(connection, [20, 101, "", 10, "l63.4294967295"])).kind,
    "listed",
    "a cursor behind all rows is the end",
  );
  connection.cut();
  await isQuiet();
});

test("after all of it the server ends in order", async () => {
  await bystander.end();
  const { exitCode, stderr } = await server.stop();
  assert.equal(exitCode, 0, stderr);
});
