/** `holdfast list`: claims by the beginning of their resource's name, page by page, so that a million of them can be piped. */
import { Command } from "commander";
import { z } from "zod";
import { formatDuration } from "../words/duration.js";
import { type ClaimAnswer, type PageAnswer, pageAnswer } from "./answers.js";
import { callApi } from "./api.js";
import { surroundingsOf, wholeNumber } from "./options.js";

const listOptions = z.object({ limit: z.number().optional() });
const HEAD: readonly string[] = ["RESOURCE", "STATE", "MODE", "FOR", "LEFT", "PRINCIPAL", "ADDRESS", "METADATA"];

/** Makes the command. */
export function listCommand(): Command {
  return new Command("list")
    .description("list claims, those that hold and those that wait")
    .argument("[prefix]", "how the names of their resources begin", "")
    .option("--limit <n>", "show so many at most", wholeNumber)
    .action(list);
}

/** With `--json` each claim is a line, written as it comes; a table needs all of them for its widths. */
async function list(prefix: string, _options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const { limit = Number.POSITIVE_INFINITY } = listOptions.parse(command.opts());
  const rows: string[][] = [];
  let count = 0;
  let cursor: string | null = null;
  do {
    const page: PageAnswer = await callApi(url, { method: "GET", path: pagePath(prefix, cursor) }, pageAnswer);
    for (const claim of page.claims.slice(0, limit - count)) {
      count += 1;
      if (output.json) output.data("", claim);
      else rows.push(rowOf(claim));
    }
    cursor = page.cursor ?? null;
  } while (cursor !== null && count < limit);
  if (output.json) return;
  output.table(HEAD, rows, null);
  if (count === 0) output.note(prefix === "" ? "there are no claims" : `there are no claims on ${prefix}…`);
}

function pagePath(prefix: string, cursor: string | null): string {
  const query = new URLSearchParams({ prefix });
  if (cursor !== null) query.set("cursor", cursor);
  return `/v1/list?${query.toString()}`;
}

function rowOf({ resource, holds, holder }: ClaimAnswer): string[] {
  const duration = (ms: number | null | undefined): string => (typeof ms === "number" ? formatDuration(ms) : "-");
  return [
    resource,
    holds ? "holds" : "waits",
    holder.mode,
    duration(holder.heldMs),
    duration(holder.leftMs),
    holder.principal,
    holder.address,
    holder.metadata,
  ];
}
