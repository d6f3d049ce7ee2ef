/** A burst of locks costs memory while it lasts: afterwards most of it is given back, and the next one uses the rest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../src/protocol/client-codec.js";
import { RawConnection } from "../client/raw-connection.js";
import { startServer, until } from "../node/server-process.js";
import { HeldWorker } from "../shard/held-worker.js";
import { ask, forgetGroups, totals } from "./wire.js";

const MIB = 2 ** 20;
const LOCKS = 25_000;
const FRAME = 5_000;
const BURSTS = 4;
/** The log's rings are 64 MiB of it, rows 5; how full rings and heaps get is up to the load. For leaks, not for buffers. */
const GROWTH_MAX = 160 * MIB;

test("what a burst has made the buffers of a turn grow to is given back some turns later, and not while it lasts", () => {
  const worker = new HeldWorker();
  const client = worker.connect();
  const before = worker.bufferSizes;
  const burst = (from: number): void => {
    const acquire = (at: number): Message => [10, from + at, `burst:${"x".repeat(200)}-${at % 2}`, 30_000, 0, 1];
    for (let at = 1; at <= 8_000; at += 1_000) client.say(...Array.from({ length: 1_000 }, (_, i) => acquire(at + i)));
  };
  burst(0);
  worker.turn(1);
  worker.commitAll();
  const grown = worker.bufferSizes;
  assert.ok((grown[0] ?? 0) > (before[0] ?? 0) * 8, `${grown.join()} from ${before.join()}`);
  burst(10_000);
  worker.turn(2_500); // Looked at, and still wanted.
  worker.commitAll();
  assert.equal(worker.bufferSizes[0], grown[0]);
  for (const nowMs of [5_000, 7_500, 10_000]) worker.turn(nowMs);
  const after = worker.bufferSizes;
  for (const [at, size] of after.entries())
    assert.ok(size <= (before[at] ?? 0) * 8, `${after.join()}, ${before.join()}`);
});

test("memory after bursts of 25,000 acquires is not far from where it began, however many there were", async () => {
  const server = await startServer({ flags: ["--limits-ttl-min", "50ms"] });
  const { connection: observer } = await RawConnection.greeted(server.address);
  const { residentBytes: before } = await totals(observer);
  const burst = async (round: number): Promise<number> => {
    const { connection } = await RawConnection.greeted(server.address);
    for (let from = 0; from < LOCKS; from += FRAME) {
      const acquire = (at: number): Message => [10, from + at + 1, `burst:${round}-${from + at}`, 200];
      connection.send(Array.from({ length: FRAME }, (_, at) => acquire(at)));
    }
    const granted = (): number => connection.received.filter(({ kind }) => kind === "granted").length;
    await until("every lock to be granted", () => granted() === LOCKS);
    connection.cut();
    await until("every lock to expire", async () => (await totals(observer)).claims === 0);
    forgetGroups(observer);
    return (await totals(observer)).residentBytes;
  };
  for (let round = 0; round < BURSTS; round++) {
    const now = await burst(round);
    assert.ok(now < before + GROWTH_MAX, `${now / MIB} MiB after ${round + 1} bursts, ${before / MIB} before`);
  }
  assert.equal((await ask(observer, [13, 1, "burst:0-0"])).kind, "checked");
  observer.cut();
  assert.equal((await server.stop()).exitCode, 0);
});
