/** What the run and its client processes say to each other. */
import { z } from "zod";

/** How a client process works: its first argument, as JSON. */
export interface ClientTask {
  readonly url: string;
  readonly name: string;
  readonly seed: number;
  readonly sessions: number;
  /** Where the history goes. */
  readonly file: string;
  readonly firstProcess: number;
  /** The common beginning of all histories, in ms of the machine's monotonic clock. */
  readonly originMs: number;
}

/** What a client process says. */
export type FromClient =
  | { readonly kind: "ready" }
  /** How many answers it has had. */
  | { readonly kind: "answers"; readonly count: number }
  /** Reads the number that a lock guards, with the token of the lock. */
  | { readonly kind: "read"; readonly id: number; readonly file: string; readonly token: number }
  /** Writes it, with the same. */
  | {
      readonly kind: "write";
      readonly id: number;
      readonly file: string;
      readonly value: number;
      readonly token: number;
    }
  /** It has closed its sessions, and its history. */
  | {
      readonly kind: "finished";
      readonly errors: Readonly<Record<string, number>>;
      readonly wrong: readonly string[];
    };

/** What it is told. */
export type ToClient =
  | { readonly kind: "is"; readonly id: number; readonly value: number }
  | { readonly kind: "wrote"; readonly id: number; readonly isAccepted: boolean }
  /** All is healed: end what is under way, see that what is held is there, and close. */
  | { readonly kind: "finish" };

export const clientTask: z.ZodType<ClientTask> = z.object({
  url: z.string(),
  name: z.string(),
  seed: z.number(),
  sessions: z.number(),
  file: z.string(),
  firstProcess: z.number(),
  originMs: z.number(),
});

const id = z.number();
const about = { id, file: z.string(), token: z.number() };

export const fromClient: z.ZodType<FromClient> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("answers"), count: z.number() }),
  z.object({ kind: z.literal("read"), ...about }),
  z.object({ kind: z.literal("write"), ...about, value: z.number() }),
  z.object({ kind: z.literal("finished"), errors: z.record(z.string(), z.number()), wrong: z.array(z.string()) }),
]);

export const toClient: z.ZodType<ToClient> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("is"), id, value: z.number() }),
  z.object({ kind: z.literal("wrote"), id, isAccepted: z.boolean() }),
  z.object({ kind: z.literal("finish") }),
]);
