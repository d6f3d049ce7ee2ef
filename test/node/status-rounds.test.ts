// One round of questions for all who ask at the same time, and an answer even if a worker is too busy to give one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeStatus } from "../../src/node/node-status.js";
import { StatusRounds } from "../../src/node/status-rounds.js";
import type { WorkerStatus } from "../../src/worker/options.js";

function statusOf(worker: number): WorkerStatus {
  const micros = { p50: 1, p99: 2, max: 3 };
  return {
    worker,
    shards: 32,
    connections: 1 + worker,
    sessions: 2,
    claims: 3,
    holders: 2,
    waiters: 1,
    resources: 2,
    answers: { granted: 10, [`only-${worker}`]: 1 },
    faults: {},
    turns: 5,
    requests: 20,
    turnMicros: micros,
    commitMicros: micros,
    log: {},
    replicas: [],
  };
}

test("everybody who asks during a round gets its result, in the order of workers", async () => {
  const asked: number[] = [];
  const rounds = new StatusRounds(2, 60_000, (id) => asked.push(id));
  const answers = [rounds.collect(), rounds.collect()];
  rounds.take(1, statusOf(1));
  rounds.take(1, statusOf(0));
  for (const answer of answers) assert.deepEqual(await answer, [statusOf(0), statusOf(1)]);
  assert.deepEqual(asked, [1]);
});

test("a worker that does not answer in time is left out, and its late answer does no harm", async () => {
  const rounds = new StatusRounds(2, 5, () => {});
  const first = rounds.collect();
  rounds.take(1, statusOf(0));
  assert.deepEqual(await first, [statusOf(0)]);
  const second = rounds.collect();
  rounds.take(1, statusOf(1));
  rounds.take(2, statusOf(0));
  assert.deepEqual(await second, [statusOf(0)]);
});

test("the status of a node has sums, and names the workers that were silent", () => {
  const facts = {
    version: "0",
    node: "n",
    clusterId: "c",
    dataDir: "/d",
    pid: 1,
    startedAt: "",
    address: "127.0.0.1:1",
    workerAddresses: ["127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4"],
    shards: 64,
    stores: 2,
    recovered: { claims: 0, sessions: 0, milliseconds: 1 },
  };
  const status = nodeStatus(facts, { uptimeMs: 12.7, cluster: null }, [statusOf(0), statusOf(1)]);
  assert.equal(status.totals.connections, 3);
  assert.deepEqual(status.totals.answers, { granted: 20, "only-0": 1, "only-1": 1 });
  assert.deepEqual(status.silentWorkers, [2]);
  assert.equal(status.uptimeMs, 13);
  assert.ok(status.memory.residentBytes > 0);
});
