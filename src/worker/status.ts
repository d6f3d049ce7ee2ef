/** What a worker counts and measures, as `status` shows it. */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { FAULT_CODES } from "../words/faults.js";
import {
  KIND_ABANDONED,
  KIND_ALREADY_GRANTED,
  KIND_BUSY,
  KIND_CANCELLED,
  KIND_CHECKED,
  KIND_CLAIM_ENDED,
  KIND_DONE,
  KIND_FAULT,
  KIND_GRANTED,
  KIND_LISTED,
  KIND_NOT_HELD,
  KIND_NOT_WAITING,
  KIND_POSITION,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_REVOKED,
  KIND_SESSION_ENDED,
  KIND_TIMED_OUT,
} from "../words/kinds.js";
import type { Counters } from "../engine/engine.js";
import { commitBucketMicros } from "../log/store-memory.js";
import type { ReplicaStatus, WorkerStatus } from "./options.js";
import type { WorkerLog } from "./worker-log.js";
import type { TurnLoop } from "./turn.js";

/** A histogram of durations in microseconds. */
export class Durations {
  readonly #histogram: RecordableHistogram = createHistogram();

  /** @param milliseconds what one took. */
  record(milliseconds: number): void {
    this.#histogram.record(Math.max(1, Math.round(milliseconds * 1_000)));
  }
  get summary(): { p50: number; p99: number; max: number } {
    const histogram = this.#histogram;
    if (histogram.count === 0) return { p50: 0, p99: 0, max: 0 };
    return { p50: histogram.percentile(50), p99: histogram.percentile(99), max: histogram.max };
  }
}

export class TurnTimes {
  readonly turn: Durations = new Durations();
}

/** What a status is made of. */
export interface StatusParts {
  readonly worker: number;
  readonly logs: readonly WorkerLog[];
  readonly loop: TurnLoop;
  /** None where the node is alone. */
  readonly replicas: readonly ReplicaStatus[];
  readonly connections: number;
  readonly sessions: number;
  readonly counters: Counters;
  readonly times: TurnTimes;
}

const ANSWER_NAMES = new Map<number, string>([
  [KIND_GRANTED, "granted"],
  [KIND_BUSY, "busy"],
  [KIND_TIMED_OUT, "timed_out"],
  [KIND_CANCELLED, "cancelled"],
  [KIND_ABANDONED, "abandoned"],
  [KIND_RELEASED, "released"],
  [KIND_NOT_HELD, "not_held"],
  [KIND_RENEWED, "renewed"],
  [KIND_REVOKED, "revoked"],
  [KIND_CHECKED, "checked"],
  [KIND_ALREADY_GRANTED, "already_granted"],
  [KIND_NOT_WAITING, "not_waiting"],
  [KIND_POSITION, "position"],
  [KIND_DONE, "done"],
  [KIND_LISTED, "listed"],
  [KIND_FAULT, "fault"],
  [KIND_CLAIM_ENDED, "claim_ended"],
  [KIND_SESSION_ENDED, "session_ended"],
]);

/** Sums up a worker. Walks its shards, so it costs some microseconds. */
export function workerStatus(parts: StatusParts): WorkerStatus {
  const shards = parts.logs.flatMap(({ turns }) => turns.shards);
  const sum = (of: (shard: (typeof shards)[number]) => number): number =>
    shards.reduce((total, shard) => total + of(shard), 0);
  const claims = sum((shard) => shard.state.claims.pool.live);
  const resources = sum((shard) => shard.state.resources.size);
  const answers: Record<string, number> = {};
  parts.counters.answers.forEach((count, kind) => {
    if (count > 0) answers[ANSWER_NAMES.get(kind) ?? `kind_${kind}`] = count;
  });
  const faults: Record<string, number> = {};
  parts.counters.faults.forEach((count, number) => {
    if (count > 0) faults[FAULT_CODES[number] ?? "internal"] = count;
  });
  return {
    worker: parts.worker,
    shards: shards.length,
    connections: parts.connections,
    sessions: parts.sessions,
    claims,
    holders: claims - sum((shard) => shard.waiting),
    waiters: sum((shard) => shard.waiting),
    resources,
    answers,
    faults,
    turns: parts.loop.turns,
    requests: parts.loop.requests,
    turnMicros: parts.times.turn.summary,
    commitMicros: commitSummary(parts.logs),
    log: logSummary(parts.logs),
    replicas: parts.replicas,
  };
}

function logSummary(logs: readonly WorkerLog[]): Record<string, number> {
  const sum = { commits: 0, bytes: 0, copyBacks: 0, copyBackMicrosMax: 0, walBytes: 0, logBytes: 0, pages: 0 };
  for (const { store } of logs) {
    const stats = store.stats();
    sum.commits += stats.commits;
    sum.bytes += stats.bytes;
    sum.copyBacks += stats.copyBacks;
    sum.copyBackMicrosMax = Math.max(sum.copyBackMicrosMax, stats.copyBackMicrosMax);
    sum.walBytes += stats.walBytes;
    sum.logBytes += stats.logBytes;
    sum.pages += stats.pages;
  }
  return sum;
}

/** Percentiles out of the buckets of all stores: the lower bound of the bucket in which they fall. */
function commitSummary(logs: readonly WorkerLog[]): { p50: number; p99: number; max: number } {
  const counts: number[] = [];
  for (const { store } of logs) {
    store.stats().commitMicros.forEach((count, bucket) => {
      counts[bucket] = (counts[bucket] ?? 0) + count;
    });
  }
  const total = counts.reduce((all, count) => all + count, 0);
  const at = (share: number): number => {
    let seen = 0;
    const bucket = counts.findIndex((count) => (seen += count) >= total * share && total > 0);
    return bucket < 0 ? 0 : commitBucketMicros(bucket);
  };
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
