/**
 * A storm of connects and disconnects: as many a second as this machine makes, each with its handshake. The server stays
 * healthy, who is connected does not notice more than the load, and memory is where it was.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { startServer, until } from "../node/server-process.js";
import { Bystander, totals } from "./wire.js";

const ROUND = 1_000;
const ROUNDS = 10;
const AT_ONCE = 64;
/** What more the process may have in the end than after the first round, which fills buffers and pools. */
const GROWTH_BYTES_MAX = 32 * 2 ** 20;

const UPGRADE = [
  "GET /v1/connect HTTP/1.1",
  "Host: x",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  "Sec-WebSocket-Version: 13",
  "",
  "",
].join("\r\n");
const HELLO = Uint8Array.of(0x91, 0x92, 1, 0x81, 0xa7, ...Buffer.from("version"), 1);
const HELLO_FRAME = Uint8Array.of(0x82, 0x80 | HELLO.length, 0, 0, 0, 0, ...HELLO);

/** Connects, greets, and goes without a word when the server has begun to answer. */
async function comeAndGo(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(UPGRADE);
  socket.write(HELLO_FRAME);
  await once(socket, "data");
  socket.resetAndDestroy(); // No TIME_WAIT: the machine's ports are not what is tested.
}

async function round(ports: readonly number[]): Promise<void> {
  let left = ROUND;
  const lane = async (at: number): Promise<void> => {
    while (left-- > 0) await comeAndGo(ports[(left + at) % ports.length] ?? 0);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, async (_, at) => lane(at)));
}

function residentBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(match?.[1]) * 1_024;
}

test("as many connects and disconnects a second as this machine makes leave a server that is well", async (context) => {
  const server = await startServer();
  const bystander = await Bystander.at(server.address);
  await bystander.isWell(); // Known to both workers now: its requests are forwarded, which counts as a connection.
  const before = await totals(bystander.connection);
  await round(server.ports);
  const warmBytes = residentBytes(server.pid);
  const beganMs = performance.now();
  for (let rounds = 1; rounds < ROUNDS; rounds++) await round(server.ports);
  const perSecond = ((ROUNDS - 1) * ROUND * 1_000) / (performance.now() - beganMs);
  context.diagnostic(`${Math.round(perSecond)} connects and disconnects a second`);
  await bystander.isWell();
  await until("the connections to be gone", async () => {
    return (await totals(bystander.connection)).connections === before.connections;
  });
  await until("the memory to be where it was", () => residentBytes(server.pid) - warmBytes < GROWTH_BYTES_MAX);
  assert.equal((await fetch(`http://${server.address}/readyz`)).status, 200);
  const slowestMs = await bystander.end();
  context.diagnostic(`the bystander's slowest round took ${Math.round(slowestMs)} ms`);
  const { exitCode, stderr } = await server.stop();
  assert.equal(exitCode, 0, stderr);
});
