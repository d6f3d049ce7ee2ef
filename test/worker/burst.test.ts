/** A burst of locks costs memory while it lasts: afterwards most of it is given back, and the next one uses the rest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../src/protocol/client-codec.js";
import { RawConnection } from "../client/raw-connection.js";
import { startServer, until } from "../node/server-process.js";
import { ask, forgetGroups, totals } from "./wire.js";

const MIB = 2 ** 20;
const LOCKS = 25_000;
const FRAME = 5_000;
const BURSTS = 4;
/** The log's rings are 64 MiB of it, the rows of 25,000 locks 5; how full the rings and the heaps get is up to the load. */
const GROWTH_MAX = 160 * MIB;

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
