/** What endpoints answer: how holders and claims look in JSON, and the schemas of all answers for the OpenAPI document. */
import { z } from "zod";
import type { ClaimListed, Holder } from "../../protocol/server-messages.js";

/** A holder as JSON; its token only where it is the caller's own. */
export function holderJson(holder: Holder): Readonly<Record<string, unknown>> {
  const { mode, token, heldMs, leftMs, principal, client, address, metadata, renewCount, permits } = holder;
  return {
    mode,
    ...(token === 0 ? {} : { token }),
    heldMs,
    leftMs: leftMs ?? null,
    principal,
    client,
    address,
    metadata,
    renewCount,
    ...(mode === "permit" ? { permits } : {}),
  };
}

/** A claim of a list or a watch as JSON. */
export function claimJson({ resource, holds, holder }: ClaimListed): Readonly<Record<string, unknown>> {
  return { resource, holds, holder: holderJson(holder) };
}

/** How long until all that hold now have run out, if nobody renews; null: one is bound to its session. */
export function remainingMs(holders: readonly Holder[]): number | null {
  let most = 0;
  for (const { leftMs } of holders) {
    if (leftMs === undefined) return null;
    most = Math.max(most, leftMs);
  }
  return most;
}

const token = z.int().meta({ description: "The fencing token: larger for every later grant of the resource." });
const ms = (description: string): z.ZodType => z.int().meta({ description: `${description}, in milliseconds.` });

const holder = z
  .object({
    mode: z.enum(["exclusive", "shared", "permit"]),
    token: token.optional(),
    heldMs: ms("How long it has held (or waited)"),
    leftMs: z
      .int()
      .nullable()
      .meta({ description: "Until its deadline, in milliseconds; null: bound to its session." }),
    principal: z.string(),
    client: z.string().meta({ description: "The public id of its session, or empty." }),
    address: z.string(),
    metadata: z.string(),
    renewCount: z.int(),
    permits: z.int().optional(),
  })
  .meta({ id: "Holder" });

const claim = z
  .object({ resource: z.string(), holds: z.boolean().meta({ description: "False: it waits." }), holder })
  .meta({ id: "Claim" });

type AnswerName =
  | "granted"
  | "released"
  | "renewed"
  | "count"
  | "checked"
  | "listed"
  | "status"
  | "problem"
  | "busy"
  | "description";

/** Schemas of answers. */
export const ANSWERS: Readonly<Record<AnswerName, z.ZodType>> = {
  description: z.record(z.string(), z.unknown()).meta({ id: "Description", description: "An OpenAPI document." }),
  granted: z
    .object({
      resource: z.string(),
      token,
      mode: z.enum(["exclusive", "shared", "permit"]),
      ttlMs: ms("The time to live of the claim"),
      expiresInMs: ms("Until its deadline, counted from when the request was sent"),
      waited: z
        .boolean()
        .meta({ description: "Whether it stood in the queue; then it was renewed before this answer." }),
    })
    .meta({ id: "Granted" }),
  released: z.object({ resource: z.string(), token, released: z.literal(true) }).meta({ id: "Released" }),
  renewed: z
    .object({ resource: z.string(), token, ttlMs: ms("What was added to now"), expiresInMs: ms("Until its deadline") })
    .meta({ id: "Renewed" }),
  count: z.object({ resource: z.string(), count: z.int() }).meta({ id: "Ended" }),
  checked: z
    .object({
      resource: z.string(),
      free: z.boolean(),
      holders: z.array(holder),
      waiters: z.int(),
      lockDelayMs: ms("What is left of a lock-delay"),
    })
    .meta({ id: "Checked" }),
  listed: z.object({ claims: z.array(claim), cursor: z.string().nullable() }).meta({ id: "Page" }),
  status: z.looseObject({ version: z.string(), node: z.string() }).meta({ id: "Status" }),
  problem: z
    .looseObject({
      type: z
        .string()
        .meta({ description: "The stable code, the same as in the binary protocol.", examples: ["draining"] }),
      title: z.string(),
      status: z.int(),
      detail: z.string().meta({ description: "What was seen, the bound, and what to do." }),
    })
    .meta({ id: "Problem" }),
  busy: z
    .looseObject({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      holders: z.array(holder).optional(),
      waiters: z.int().optional(),
      remainingMs: z.int().nullable().optional(),
      lockDelayMs: z.int().optional(),
    })
    .meta({ id: "Busy", description: "Type `busy` has the holders; the others have type, title, status and detail." }),
};
