/** Too much of everything: it costs bounded memory, ends with a reason, and the others go on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { before, test } from "node:test";
import { WebSocket } from "ws";
import { encodeFrame, type Message } from "../../src/protocol/client-codec.js";
import type { ServerMessage } from "../../src/protocol/server-messages.js";
import { type RawClose, RawConnection } from "../client/raw-connection.js";
import { type ServerProcess, startServer, until } from "../node/server-process.js";
import { collidingNames } from "./colliding-names.js";
import { allCut, type Vanished, vanishAt } from "./vanished-peers.js";
import { answers, ask, Bystander, freshKey, nameAt, nameWhere, openPath, shardOf, totals } from "./wire.js";

const MIB = 2 ** 20;
const FRAME_REQUESTS = 16_384;
/** Three times as many are more than the 65,536 claims that a shard takes. */
const COLLIDING = 24_576;
/** The shortest that can be set. */
const IDLE_MAX_MS = 12_000;
/** Sockets' timers are looked at every 4 s, and this machine may be busy. */
const LATE_MS = 12_000;

let server: ServerProcess;
let bystander: Bystander;
let connections = 0;
let residentBytes = 0;
let silent: RawConnection;
let deserted: ServerProcess;
let vanished: readonly Vanished[];
let stillThere: RawConnection;
let halfOpenSinceMs = 0;

before(async () => {
  server = await startServer({
    flags: ["--limits-ttl-min", "50ms", "--limits-unsent-max", "1MiB", "--log-ring", "4MiB"],
  });
  bystander = await Bystander.at(server.address);
  await bystander.isWell();
  ({ connections, residentBytes } = await totals(bystander.connection));
  // Opened first, looked at last: one that never says HELLO, and those whose peers vanish, at a server of their own.
  deserted = await startServer({ flags: ["--limits-idle-max", `${IDLE_MAX_MS}ms`] });
  vanished = await vanishAt(deserted.ports[0] ?? 0, 20);
  stillThere = (await RawConnection.greeted(deserted.address)).connection;
  silent = await RawConnection.connect(server.address);
  halfOpenSinceMs = performance.now();
});

/** Connects straight to worker 0. */
async function greeted(): Promise<RawConnection> {
  return (await RawConnection.greeted(`127.0.0.1:${server.ports[1]}`)).connection;
}

const SLOW = "slow-reader: more than 1048576 bytes waited to be read";

/** So many lists, over all the shards of worker 0. */
function lists(count: number): readonly Message[] {
  return Array.from({ length: count }, (_, at) => [20, at + 1, "test:", 1_000, `l${(at % 32) * 2}.1`]);
}

/** A client of worker 0 that looks at nothing but how it is closed. */
async function deafClient(): Promise<{ readonly socket: WebSocket; readonly closed: Promise<RawClose> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.ports[1]}/v1/connect`, { perMessageDeflate: false });
  const closed = once(socket, "close", { signal: AbortSignal.timeout(20_000) }).then(([code, reason]) => ({
    code: Number(code),
    reason: String(reason),
  }));
  await once(socket, "open");
  socket.send(encodeFrame([[1, { version: 1 }]]));
  return { socket, closed };
}

async function isQuiet(): Promise<void> {
  await until("every connection to be forgotten", async () => {
    const { connections: now } = await totals(bystander.connection);
    return now <= connections + 1; // The silent one may be there or gone.
  });
  await bystander.isWell();
}

test("100,000 requests in one frame are refused whole: a fault, and 4413", async () => {
  const connection = await greeted();
  const message = Uint8Array.of(0x93, 13, 1, 0xa3, 0x61, 0x3a, 0x62);
  const frame = Buffer.alloc(5 + 100_000 * message.length, message);
  frame.copyWithin(5, 0, 100_000 * message.length);
  frame.writeUInt8(0xdd, 0);
  frame.writeUInt32BE(100_000, 1);
  connection.sendBytes(frame);
  const fault = await connection.take((said) => said.kind === "fault");
  assert.ok(fault.code === "frame-too-large" && fault.id === 0);
  assert.deepEqual(await connection.closed(), {
    code: 4413,
    reason: "frame-too-large: a frame has at most 16384 messages, not 100000",
  });
  assert.ok(!connection.received.some(({ kind }) => kind === "checked"), "nothing of it was executed");
  await isQuiet();
});

test("a client that asks for more than it reads is closed with 4429, and its memory is given back", async () => {
  const connection = await greeted();
  const names = Array.from({ length: 1_000 }, () => nameAt(0));
  connection.send(names.map((name, at): Message => [10, at + 1, name, 30_000]));
  await connection.take(answers(1_000));
  connection.cut();
  const deaf = await deafClient();
  deaf.socket.pause();
  await until("the server to give it up", async () => {
    deaf.socket.send(encodeFrame(lists(500)));
    return (await totals(bystander.connection)).connections <= connections + 1;
  });
  deaf.socket.resume();
  const { code, reason } = await deaf.closed;
  assert.ok(code === 1006 || (code === 4429 && reason === SLOW), `${code} ${reason}`);
  await isQuiet();
});

test("a client that is too slow, but reads on in time, is told 4429 and why", async () => {
  const deaf = await deafClient();
  deaf.socket.send(encodeFrame(lists(8_192))); // Some 20 MB of answers, in one turn.
  assert.deepEqual(await deaf.closed, { code: 4429, reason: SLOW });
  await isQuiet();
});

test("a frame that asks 16,384 times for all that there is gets short answers, not all the memory", async () => {
  const resource = nameAt(0);
  const sharer = await greeted();
  sharer.send(Array.from({ length: 2_000 }, (_, at): Message => [10, at + 1, resource, 10_000, 0, 1]));
  await sharer.take(answers(2_000));
  for (const bomb of [
    lists(FRAME_REQUESTS),
    Array.from({ length: FRAME_REQUESTS }, (_, at): Message => [13, at + 1, resource]),
  ]) {
    const deaf = await deafClient();
    deaf.socket.send(encodeFrame(bomb));
    assert.equal((await deaf.closed).code, 4429);
    const { residentBytes: now } = await totals(bystander.connection);
    assert.ok(now < residentBytes + 700 * MIB, `${now / MIB} MiB, ${residentBytes / MIB} before`);
  }
  sharer.cut();
  await isQuiet();
});

test("a session that is opened, or kept alive, thousands of times in one frame costs no more than once", async () => {
  const connection = await greeted();
  const key = freshKey();
  const { path } = await openPath(connection, { key, ttlMs: 20_000 });
  const names = Array.from({ length: 500 }, () => nameAt(0));
  connection.send([[2, path], ...names.map((name, at): Message => [10, at + 1, name, 0])]);
  await connection.take(answers(500));
  connection.send([[4, 1_000, 1, Array.from({ length: 100_000 }, () => path)]]);
  await connection.take(answers(1_000));
  const marks = connection.received.flatMap((message) => (message.kind === "kept" ? message.marks : []));
  assert.ok(marks.length > 0 && marks.length <= 32, "once for each shard");
  connection.received.length = 0;
  connection.send(Array.from({ length: 200 }, (_, at): Message => [3, 2_000 + at, 0, [[key, 20_000]]]));
  await connection.take((message) => message.kind === "opened" && message.id === 2_199);
  await ask(connection, [23, 3_000]);
  const claims = connection.received
    .flatMap((message) => (message.kind === "open-shard" ? message.sessions : []))
    .flatMap((one) => one.claims);
  assert.ok(claims.length <= 1_000, `${claims.length} claims told`);
  connection.cut();
  await isQuiet();
});

test("more requests at once than the log keeps up with are all answered, or told to come again", async () => {
  const flooders = await Promise.all(Array.from({ length: 4 }, async () => greeted()));
  const frames = 12;
  for (const [who, flooder] of flooders.entries()) {
    for (let frame = 0; frame < frames; frame++) {
      const name = (at: number): string => `flood:${who}-${frame}-${at}`;
      flooder.send(Array.from({ length: 8_192 }, (_, at): Message => [10, frame * 8_192 + at + 1, name(at), 50]));
    }
  }
  const answered = (flooder: RawConnection): readonly ServerMessage[] =>
    flooder.received.filter((message) => "id" in message);
  for (const flooder of flooders) {
    const { socket } = flooder;
    await until(
      "each request to be answered",
      () => answered(flooder).length >= frames * 8_192 || socket.readyState !== socket.OPEN,
    );
    assert.equal(socket.readyState, socket.OPEN);
    const codes = new Set(answered(flooder).map((answer) => (answer.kind === "fault" ? answer.code : answer.kind)));
    for (const code of codes) assert.ok(["granted", "overloaded", "table-full"].includes(code), code);
    assert.ok(codes.has("granted"));
  }
  for (const flooder of flooders) flooder.cut();
  await isQuiet();
});

test("thousands of connects and disconnects, in every state of the handshake, leave nothing behind", async () => {
  const hello = Uint8Array.of(0x91, 0x92, 1, 0x81, 0xa7, ...Buffer.from("version"), 1);
  const startMs = performance.now();
  let count = 0;
  const come = async (state: number): Promise<void> => {
    const socket = connect(server.ports[state % 3] ?? 0, "127.0.0.1");
    socket.on("error", () => {}); // It is cut by one side or the other.
    await once(socket, "connect");
    const upgrade = ["GET /v1/connect HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"];
    const rest = ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", "", ""];
    if (state % 5 > 0) socket.write([...upgrade, ...rest].join("\r\n"));
    if (state % 5 > 1) {
      const bytes = state % 5 === 4 ? Uint8Array.of(0x91, 0x05) : hello; // One of them is malformed, and gone before it is told.
      socket.write(Uint8Array.of(0x82, 0x80 | bytes.length, 0, 0, 0, 0, ...bytes));
    }
    if (state % 5 === 3) await once(socket, "data");
    if (state % 2 === 0) socket.destroy();
    else socket.end();
    count++;
  };
  for (let round = 0; round < 60; round++)
    await Promise.all(Array.from({ length: 50 }, async (_, at) => come(round * 50 + at)));
  const perSecond = (count / (performance.now() - startMs)) * 1_000;
  assert.ok(perSecond > 100, `${perSecond} a second`);
  await isQuiet();
});

test("names that collide under CRC-32 are as fast as others, and a shard that is full says so", async () => {
  const connection = await greeted();
  const colliding = collidingNames(COLLIDING);
  const shard = shardOf(colliding[0] ?? "");
  assert.ok(new Set(colliding).size === colliding.length && colliding.every((name) => shardOf(name) === shard));
  const others = Array.from({ length: COLLIDING }, () => nameWhere((one) => one === shard));
  const lastOf = async (names: readonly string[], from: number): Promise<string> => {
    for (let at = 0; at < names.length; at += 8_192) {
      connection.send(names.slice(at, at + 8_192).map((name, index): Message => [10, from + at + index, name, 4_000]));
    }
    const answer = await connection.take(answers(from + names.length - 1));
    connection.received.length = 0;
    return answer.kind === "fault" ? answer.code : answer.kind;
  };
  const startMs = performance.now();
  assert.equal(await lastOf(others, 1), "granted");
  const betweenMs = performance.now();
  assert.equal(await lastOf(colliding, 100_000), "granted");
  const [plainMs, collidingMs] = [betweenMs - startMs, performance.now() - betweenMs];
  assert.ok(collidingMs < plainMs * 5 + 1_000, `${collidingMs} ms, ${plainMs} ms for others`);
  const more = Array.from({ length: COLLIDING }, () => nameWhere((one) => one === shard));
  assert.equal(await lastOf(more, 200_000), "table-full");
  connection.cut();
  await isQuiet();
});

test("who connects and does not say HELLO within 10 s is closed with 4408", async () => {
  const { code, reason } = await silent.closed(15_000);
  assert.deepEqual([code, reason], [4408, "handshake-timeout: no HELLO within 10 s"]);
  const afterMs = performance.now() - halfOpenSinceMs;
  assert.ok(afterMs > 9_900, `closed after ${afterMs} ms`);
});

test("a connection whose peer has vanished is cut, whatever it had said, and one who is there is not", async () => {
  await allCut(vanished);
  for (const { said, afterMs } of vanished) {
    assert.ok(afterMs > 4_000 && afterMs < IDLE_MAX_MS + LATE_MS, `after ${said}: cut after ${afterMs} ms`);
  }
  // Somebody who has nothing to say answers pings, and stays.
  await until("nothing to be left of them", async () => (await totals(stillThere)).connections === 1);
  stillThere.cut();
  assert.equal((await deserted.stop()).exitCode, 0);
});

test("after all of it memory is near where it was, and the server ends in order", async () => {
  await until("only the bystander to be connected, and nothing to be held", async () => {
    const now = await totals(bystander.connection);
    return now.connections === connections && now.sessions === 0;
  });
  const { residentBytes: now } = await totals(bystander.connection);
  assert.ok(now < residentBytes + 500 * MIB, `${now / MIB} MiB, ${residentBytes / MIB} before`);
  await bystander.end();
  const { exitCode, stderr } = await server.stop();
  assert.equal(exitCode, 0, stderr);
});
