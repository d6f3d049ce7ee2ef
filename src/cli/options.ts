/**
 * What every command has (`--json`, `--url`), and how options are read: commander gives them without types, and each
 * command says by a schema what it expects.
 */
import { type Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { DEFAULT_URL, parseServerUrl, type ServerUrl } from "../client/url.js";
import { parseDuration } from "../words/duration.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";
import { Output } from "./output.js";

const globalOptions = z.object({ json: z.boolean().default(false), url: z.string().default("") });

/** What a command has besides its own options. */
export interface Surroundings {
  readonly output: Output;
  /** As it was written; it may hold a key, so it is never shown. */
  readonly url: string;
}

/** Reads the options that all commands have; `--url` wins over HOLDFAST_URL. */
export function surroundingsOf(command: Command): Surroundings {
  const { json, url } = globalOptions.parse(command.optsWithGlobals());
  const fromEnvironment = process.env["HOLDFAST_URL"] ?? "";
  return { output: new Output(json), url: [url, fromEnvironment].find((text) => text !== "") ?? DEFAULT_URL };
}

/** The addresses and key in a URL. @throws CommandFailure if it is none */
export function serverOf(url: string): ServerUrl {
  try {
    return parseServerUrl(url);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(EXIT_CODES.wrongUse, "url-invalid", `${reason} (--url or HOLDFAST_URL)`);
  }
}

/** For an option that is a duration, such as "30s": checked here, sent as it was written. */
export function durationText(text: string): string {
  const parsed = parseDuration(text);
  if (parsed.kind === "refused") throw new InvalidArgumentError(parsed.reason);
  return text;
}

/** Milliseconds of a duration that {@link durationText} has let through; 0 if there is none. */
export function durationMsOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const parsed = parseDuration(text);
  return parsed.kind === "quantity" ? parsed.value : 0;
}

/** For an option or argument that is a whole number from 1. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("it must be a whole number from 1");
  }
  return value;
}

/** The options that an acquire has in every command that makes one. */
export const acquireOptions: z.ZodObject<{
  readonly ttl: z.ZodOptional<z.ZodString>;
  readonly wait: z.ZodOptional<z.ZodString>;
  readonly lockDelay: z.ZodOptional<z.ZodString>;
  readonly metadata: z.ZodOptional<z.ZodString>;
  readonly shared: z.ZodDefault<z.ZodBoolean>;
  readonly permits: z.ZodOptional<z.ZodNumber>;
}> = z.object({
  ttl: z.string().optional(),
  wait: z.string().optional(),
  lockDelay: z.string().optional(),
  metadata: z.string().optional(),
  shared: z.boolean().default(false),
  permits: z.number().optional(),
});

/** Adds the options that {@link acquireOptions} reads. */
export function withAcquireOptions(command: Command): Command {
  return command
    .option("--wait <duration>", "wait so long for the resource; without it: at once or busy", durationText)
    .option("--shared", "hold it together with others who ask for it shared")
    .option("--permits <n>", "hold it as one of at most N holders", wholeNumber)
    .option("--lock-delay <duration>", "how long nobody is granted it after it expires or is forced", durationText)
    .option("--metadata <text>", "who this is, for people: at most 256 bytes");
}

/** What an acquire says of itself unless it is told: who, where, and which process. */
export function defaultMetadata(): string {
  const user = process.env["USER"] ?? process.env["LOGNAME"] ?? "";
  return `${user === "" ? "" : `${user} `}pid ${process.pid}`;
}
