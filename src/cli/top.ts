/**
 * `holdfast top`: what the server does, looked at once a second. On a terminal the picture is written over; into a pipe
 * one stands below the other, and `--json` writes a line for each look. Ctrl-C ends it.
 */
import { setTimeout as after } from "node:timers/promises";
import { Command } from "commander";
import { z } from "zod";
import { formatDuration } from "../words/duration.js";
import { callApi } from "./api.js";
import { pageAnswer, type PageAnswer } from "./answers.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";
import { durationMsOf, durationText, surroundingsOf, wholeNumber } from "./options.js";
import { type Output, styled, tableText } from "./output.js";

const topOptions = z.object({ every: z.string(), count: z.number().optional(), prefix: z.string() });
const micros = z.looseObject({ p50: z.number(), p99: z.number(), max: z.number() });
const statusSchema = z.looseObject({
  version: z.string(),
  node: z.string(),
  uptimeMs: z.number(),
  memory: z.looseObject({ residentBytes: z.number() }),
  totals: z.looseObject({
    connections: z.number(),
    sessions: z.number(),
    holders: z.number(),
    waiters: z.number(),
    requests: z.number(),
    answers: z.record(z.string(), z.number()),
    faults: z.record(z.string(), z.number()),
  }),
  workers: z.array(
    z.looseObject({ worker: z.number(), requests: z.number(), turnMicros: micros, commitMicros: micros }),
  ),
});
type Status = z.output<typeof statusSchema>;

/** So many of the claims that there are are shown. */
const CLAIMS_MAX = 15;

/** One look at the server. */
interface Look {
  readonly atMs: number;
  readonly status: Status;
  readonly page: PageAnswer;
}

/** Makes the command. */
export function topCommand(): Command {
  return new Command("top")
    .description("show what the server does, once a second")
    .option("--every <duration>", "look so often", durationText, "1s")
    .option("--count <n>", "end after so many looks", wholeNumber)
    .option("--prefix <prefix>", "show claims whose resource's name begins so", "")
    .action(top);
}

async function top(_options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const { every, count = Number.POSITIVE_INFINITY, prefix } = topOptions.parse(command.opts());
  let before: Look | undefined;
  for (let round = 1; round <= count; round += 1) {
    const look = await lookAt(url, prefix, before !== undefined);
    if (look === undefined) output.note("the server does not answer; trying again");
    else show(look, before, output);
    before = look ?? before;
    if (round < count) await after(durationMsOf(every));
  }
}

/** A server that was there once may be back: only the first look fails for good. */
async function lookAt(url: string, prefix: string, isPatient: boolean): Promise<Look | undefined> {
  const query = new URLSearchParams({ prefix, limit: String(CLAIMS_MAX) });
  try {
    const status = await callApi(url, { method: "GET", path: "/v1/status" }, statusSchema);
    const page = await callApi(url, { method: "GET", path: `/v1/list?${query.toString()}` }, pageAnswer);
    return { atMs: performance.now(), status, page };
  } catch (error) {
    if (isPatient && error instanceof CommandFailure && error.exitCode === EXIT_CODES.unavailable) return undefined;
    throw error;
  }
}

function show({ atMs, status, page }: Look, before: Look | undefined, output: Output): void {
  const seconds = before === undefined ? status.uptimeMs / 1_000 : (atMs - before.atMs) / 1_000;
  const since = (now: number, then: number | undefined): number =>
    Math.max(0, Math.round((now - (then ?? 0)) / Math.max(0.001, seconds)));
  const perSecond = since(status.totals.requests, before?.status.totals.requests);
  if (output.json) {
    output.data("", { perSecond, ...status });
    return;
  }
  const { totals, memory, uptimeMs } = status;
  const answers = Object.entries(totals.answers)
    .map(([name, count]) => ({ name, perSecond: since(count, before?.status.totals.answers[name]) }))
    .filter((answer) => answer.perSecond > 0)
    .sort((left, right) => right.perSecond - left.perSecond);
  const workers = status.workers.map((worker, index) => [
    String(worker.worker),
    String(since(worker.requests, before?.status.workers[index]?.requests)),
    formatDuration(worker.turnMicros.p99 / 1_000),
    formatDuration(worker.commitMicros.p99 / 1_000),
  ]);
  const lines = [
    `${styled("bold", `holdfast ${status.version}`)} ${status.node}, up for ${formatDuration(Math.floor(uptimeMs / 1_000) * 1_000)}, ${Math.round(memory.residentBytes / 2 ** 20)} MiB`,
    `${styled("bold", String(perSecond))} requests a second; ${totals.holders} holders, ${totals.waiters} waiters, ${totals.sessions} sessions, ${totals.connections} connections`,
    answers.map(({ name, perSecond: rate }) => `${name} ${rate}/s`).join("  "),
    "",
    tableText(["WORKER", "REQUESTS/S", "TURN P99", "COMMIT P99"], workers),
    "",
    page.claims.length === 0 ? "no claims" : claimsTable(page),
  ];
  output.screen(lines.join("\n"));
}

function claimsTable({ claims, cursor }: PageAnswer): string {
  const rows = claims
    .slice(0, CLAIMS_MAX)
    .map(({ resource, holds, holder }) => [
      resource,
      holds ? "holds" : "waits",
      holder.mode,
      typeof holder.heldMs === "number" ? formatDuration(Math.floor(holder.heldMs / 1_000) * 1_000) : "-",
      holder.address,
      holder.metadata,
    ]);
  const more = typeof cursor === "string" ? "\n…" : "";
  return `${tableText(["RESOURCE", "STATE", "MODE", "FOR", "ADDRESS", "METADATA"], rows)}${more}`;
}
