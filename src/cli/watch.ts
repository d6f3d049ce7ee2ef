/** `holdfast watch`: what happens to resources, an event a line, until it is interrupted. After a break it goes on. */
import { setTimeout as after } from "node:timers/promises";
import { Command } from "commander";
import { z } from "zod";
import { openApi } from "./api.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";
import { surroundingsOf, wholeNumber } from "./options.js";
import type { Output } from "./output.js";
import { readEvents, type ServerSentEvent } from "./server-sent-events.js";

const watchOptions = z.object({ cursor: z.string().default(""), count: z.number().optional() });
const eventSchema = z.looseObject({
  kind: z.string().optional(),
  resource: z.string().default(""),
  token: z.number().nullish(),
  mode: z.string().default(""),
  principal: z.string().default(""),
  claims: z.array(z.unknown()).optional(),
});

/** The connection may be silent for as long as nothing happens, in milliseconds; the server's comments come sooner. */
const SILENCE_MAX_MS = 90_000;
const RETRY_AFTER_MS = 1_000;

/** Makes the command. */
export function watchCommand(): Command {
  return new Command("watch")
    .description("show what happens to a resource, or to all whose names begin as the pattern before its *")
    .argument("<pattern>", "order:12345, or order:*")
    .option("--cursor <cursor>", "go on after an earlier event: its cursor")
    .option("--count <n>", "end after so many events", wholeNumber)
    .action(watch);
}

interface Progress {
  cursor: string;
  left: number;
}

/** A break after the first connection is no reason to end: what lies between is asked for by the last cursor. */
async function watch(pattern: string, _options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const { cursor, count = Number.POSITIVE_INFINITY } = watchOptions.parse(command.opts());
  const progress: Progress = { cursor, left: count };
  let hasConnected = false;
  while (progress.left > 0) {
    try {
      const headers = {
        accept: "text/event-stream",
        ...(progress.cursor === "" ? {} : { "last-event-id": progress.cursor }),
      };
      const path = `/v1/watch?pattern=${encodeURIComponent(pattern)}`;
      const stream = await openApi(url, { method: "GET", path, headers, withinMs: SILENCE_MAX_MS });
      hasConnected = true;
      await show(stream, progress, output);
      if (progress.left > 0) output.note("the stream has ended; connecting again");
    } catch (error) {
      if (!hasConnected || !isBreak(error)) throw error;
      output.note("the connection broke; connecting again");
    }
    if (progress.left > 0) await after(RETRY_AFTER_MS);
  }
}

async function show(stream: AsyncIterable<unknown>, progress: Progress, output: Output): Promise<void> {
  for await (const event of readEvents(stream)) {
    if (event.id !== "") progress.cursor = event.id;
    if (event.data === "") continue;
    showOne(event, output);
    progress.left -= 1;
    if (progress.left <= 0) return;
  }
}

function showOne(event: ServerSentEvent, output: Output): void {
  const parsed = eventSchema.parse(JSON.parse(event.data));
  const kind = parsed.kind ?? event.event;
  const value = { ...parsed, kind, cursor: event.id };
  if (parsed.claims !== undefined) {
    output.data(`${kind}: what lies between is gone; there are ${parsed.claims.length} claims now`, value);
    return;
  }
  const token = typeof parsed.token === "number" && parsed.token > 0 ? ` token ${parsed.token}` : "";
  output.data(`${kind} ${parsed.resource} ${parsed.mode}${token} ${parsed.principal}`.trimEnd(), value);
}

/** Whether trying again may help: a server that is away, or a stream that broke. */
function isBreak(error: unknown): boolean {
  if (error instanceof CommandFailure) return error.exitCode === EXIT_CODES.unavailable;
  return error instanceof Error && "code" in error;
}
