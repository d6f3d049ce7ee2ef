/** `holdfast status`: how the server is, in a few lines, and its cluster if it is of one; `--json` has all of it. */
import { Command } from "commander";
import { z } from "zod";
import { formatDuration } from "../words/duration.js";
import { callApi } from "./api.js";
import { clusterSchema } from "./cluster-access.js";
import { reportOf, showReport } from "./cluster-status.js";
import { serverOf, surroundingsOf } from "./options.js";

const micros = z.looseObject({ p50: z.number(), p99: z.number(), max: z.number() });
const workerSchema = z.looseObject({
  worker: z.number(),
  shards: z.number(),
  connections: z.number(),
  sessions: z.number(),
  holders: z.number(),
  waiters: z.number(),
  requests: z.number(),
  turnMicros: micros,
  commitMicros: micros,
});
const statusSchema = z.looseObject({
  version: z.string(),
  node: z.string(),
  address: z.string(),
  dataDir: z.string(),
  pid: z.number(),
  uptimeMs: z.number(),
  memory: z.looseObject({ residentBytes: z.number() }),
  totals: z.looseObject({ holders: z.number(), waiters: z.number(), sessions: z.number(), connections: z.number() }),
  workers: z.array(workerSchema),
  cluster: clusterSchema.nullish(),
});
type Status = z.output<typeof statusSchema>;

const HEAD: readonly string[] = [
  "WORKER",
  "SHARDS",
  "CONNECTIONS",
  "SESSIONS",
  "HOLDERS",
  "WAITERS",
  "REQUESTS",
  "TURN P99",
  "COMMIT P99",
];

/** Makes the command. */
export function statusCommand(): Command {
  return new Command("status").description("show how the server is").action(status);
}

async function status(_options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const answer = await callApi(url, { method: "GET", path: "/v1/status" }, statusSchema);
  const { cluster } = answer;
  const report = cluster === null || cluster === undefined ? null : await reportOf(cluster, serverOf(url).key);
  if (output.json) {
    output.data("", report === null ? answer : { ...answer, report });
    return;
  }
  output.data(summary(answer), null);
  output.table(HEAD, answer.workers.map(rowOf), null);
  if (report !== null) showReport(output, report);
}

function summary({ version, node, address, dataDir, pid, uptimeMs, memory, totals }: Status): string {
  return [
    `holdfast ${version}, node ${node}, process ${pid}, up for ${formatDuration(Math.floor(uptimeMs / 1_000) * 1_000)}`,
    `listens on ${address}, data in ${dataDir}, ${Math.round(memory.residentBytes / 2 ** 20)} MiB of memory`,
    `${totals.holders} holders, ${totals.waiters} waiters, ${totals.sessions} sessions, ${totals.connections} connections`,
  ].join("\n");
}

function rowOf(worker: z.output<typeof workerSchema>): string[] {
  return [
    String(worker.worker),
    String(worker.shards),
    String(worker.connections),
    String(worker.sessions),
    String(worker.holders),
    String(worker.waiters),
    String(worker.requests),
    formatDuration(worker.turnMicros.p99 / 1_000),
    formatDuration(worker.commitMicros.p99 / 1_000),
  ];
}
