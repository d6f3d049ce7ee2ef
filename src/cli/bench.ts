/**
 * `holdfast bench`: a first look at a running server, by a closed loop over the library: each of clients × window takes
 * a lock and gives it back, again and again. What the server can do at most is measured by the native load generator.
 */
import { randomBytes } from "node:crypto";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { Command } from "commander";
import { z } from "zod";
import { Holdfast, openHistoryFile } from "../client/index.js";
import { formatDuration } from "../words/duration.js";
import { durationMsOf, surroundingsOf, wholeNumber } from "./options.js";

const benchOptions = z.object({
  seconds: z.number(),
  clients: z.number(),
  window: z.number(),
  history: z.string().optional(),
});
const NAMES_OF_A_LOOP = 100;
const NANOS_OF_MS = 1_000_000;

/** Makes the command. */
export function benchCommand(): Command {
  return new Command("bench")
    .description("take and release locks as fast as the library goes, and show how long that takes")
    .option("--seconds <n>", "for so long", wholeNumber, 5)
    .option("--clients <n>", "over so many connections", wholeNumber, 4)
    .option("--window <n>", "so many at once over each", wholeNumber, 16)
    .option("--history <file>", "record each operation, for a checker of histories; this costs speed")
    .action(bench);
}

interface Latencies {
  readonly acquire: RecordableHistogram;
  readonly release: RecordableHistogram;
}

async function bench(_options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const { seconds, clients, window, history: path } = benchOptions.parse(command.opts());
  const run = randomBytes(4).toString("hex"); // Two benches at once must not wait for each other.
  const file = path === undefined ? undefined : openHistoryFile(path, { seed: run });
  const recorded = file === undefined ? {} : { recordHistory: file.history };
  const connecting = { url, clientName: "holdfast-bench", metadata: "bench", ...recorded };
  const connected = await Promise.all(Array.from({ length: clients }, () => Holdfast.connect(connecting)));
  const latencies: Latencies = { acquire: createHistogram(), release: createHistogram() };
  output.note(`${clients} clients × ${window} locks at once, for ${formatDuration(durationMsOf(`${seconds}s`))}`);
  const startMs = performance.now();
  const endMs = startMs + seconds * 1_000;
  try {
    const loops = connected.flatMap((holdfast, client) =>
      Array.from({ length: window }, (_, slot) => loop(holdfast, `bench:${run}-${client}-${slot}`, endMs, latencies)),
    );
    await Promise.all(loops);
  } finally {
    await Promise.all(connected.map((holdfast) => holdfast.close()));
    file?.close();
  }
  const elapsedMs = performance.now() - startMs;
  const rows = [figures("acquire", latencies.acquire, elapsedMs), figures("release", latencies.release, elapsedMs)];
  const table = rows.map((row) => [
    row.operation,
    String(row.count),
    String(Math.round(row.perSecond)),
    ...[row.p50Ms, row.p95Ms, row.p99Ms, row.maxMs].map((ms) => `${ms.toFixed(2)}ms`),
  ]);
  output.table(["OPERATION", "COUNT", "PER SECOND", "P50", "P95", "P99", "MAX"], table, {
    seconds,
    clients,
    window,
    rows,
  });
}

async function loop(holdfast: Holdfast, name: string, endMs: number, latencies: Latencies): Promise<void> {
  for (let round = 0; performance.now() < endMs; round += 1) {
    const beforeMs = performance.now();
    const lock = await holdfast.acquire(`${name}-${round % NAMES_OF_A_LOOP}`);
    const heldMs = performance.now();
    await lock.release();
    latencies.acquire.record(nanos(heldMs - beforeMs));
    latencies.release.record(nanos(performance.now() - heldMs));
  }
}

/** A histogram takes whole numbers from 1. */
function nanos(ms: number): number {
  return Math.max(1, Math.round(ms * NANOS_OF_MS));
}

interface Figures {
  readonly operation: string;
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

function figures(operation: string, histogram: RecordableHistogram, elapsedMs: number): Figures {
  const at = (percentile: number): number => histogram.percentile(percentile) / NANOS_OF_MS;
  const { count } = histogram;
  return {
    operation,
    count,
    perSecond: (count * 1_000) / elapsedMs,
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
    maxMs: histogram.max / NANOS_OF_MS,
  };
}
