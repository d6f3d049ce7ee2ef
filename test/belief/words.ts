/** What a run of belief and its client processes say to each other. */
import { z } from "zod";

/** How a client process asks its locks whether they are held; `flag` is the broken one, which the net must find. */
export type Asking = "computed" | "flag";

/** Which clock tells true time in the process: `uptime` where libfaketime moves all that a program can ask. */
export type TrueClock = "monotonic" | "uptime";

/** How a client process works: its first argument, as JSON. */
export interface BeliefTask {
  readonly url: string;
  readonly name: string;
  readonly seed: number;
  readonly sessions: number;
  readonly resources: number;
  readonly ttlMs: number;
  readonly asking: Asking;
  readonly trueClock: TrueClock;
  /** Where the history goes. */
  readonly file: string;
  readonly firstProcess: number;
  /** The common beginning of all histories, in milliseconds of the true clock. */
  readonly originMs: number;
}

/** What a client process says. */
export type FromClient =
  | { readonly kind: "ready" }
  /** It has closed its sessions, and its history. */
  | { readonly kind: "finished"; readonly grants: number; readonly losses: number };

/** What it is told. */
export type ToClient =
  /** Compute for so long without a pause, and say meanwhile of each lock whether it is held. */
  { readonly kind: "busy"; readonly ms: number } | { readonly kind: "finish" };

export const beliefTask: z.ZodType<BeliefTask> = z.object({
  url: z.string(),
  name: z.string(),
  seed: z.number(),
  sessions: z.number(),
  resources: z.number(),
  ttlMs: z.number(),
  asking: z.enum(["computed", "flag"]),
  trueClock: z.enum(["monotonic", "uptime"]),
  file: z.string(),
  firstProcess: z.number(),
  originMs: z.number(),
});

export const fromClient: z.ZodType<FromClient> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("finished"), grants: z.number(), losses: z.number() }),
]);

export const toClient: z.ZodType<ToClient> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("busy"), ms: z.number() }),
  z.object({ kind: z.literal("finish") }),
]);
