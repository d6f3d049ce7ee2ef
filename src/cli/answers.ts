/**
 * The shapes of the API's answers, as far as the commands show them. `--json` passes on what the server said, fields
 * that this version does not know included, so schemas ask for little.
 */
import { z } from "zod";
import { formatDuration } from "../words/duration.js";

/** One claim as observers see it. Times in milliseconds; `leftMs` missing or null: it is bound to its session. */
export interface HolderAnswer {
  readonly mode: string;
  readonly heldMs?: number | null | undefined;
  readonly leftMs?: number | null | undefined;
  readonly principal: string;
  readonly address: string;
  readonly metadata: string;
}

/** The answer to an acquire that was granted. */
export interface GrantAnswer {
  readonly token: number;
}

/** The answer to a renew: milliseconds until the deadline. */
export interface RenewalAnswer {
  readonly expiresInMs: number;
}

/** The answer to a check; `lockDelayMs` is what is left of a lock-delay. */
export interface CheckAnswer {
  readonly holders: readonly HolderAnswer[];
  readonly waiters: number;
  readonly lockDelayMs: number;
}

/** One claim of a list; one that does not hold waits. */
export interface ClaimAnswer {
  readonly resource: string;
  readonly holds: boolean;
  readonly holder: HolderAnswer;
}

/** One page of a list; without a cursor the last. */
export interface PageAnswer {
  readonly claims: readonly ClaimAnswer[];
  readonly cursor?: string | null | undefined;
}

/** How many claims were ended. */
export interface CountAnswer {
  readonly count: number;
}

const holder = z.looseObject({
  mode: z.string().default(""),
  heldMs: z.number().nullish(),
  leftMs: z.number().nullish(),
  principal: z.string().default(""),
  address: z.string().default(""),
  metadata: z.string().default(""),
});

/** Reads a {@link GrantAnswer}. */
export const grantAnswer: z.ZodType<GrantAnswer> = z.looseObject({ token: z.number() });

/** Reads a {@link RenewalAnswer}. */
export const renewalAnswer: z.ZodType<RenewalAnswer> = z.looseObject({ expiresInMs: z.number() });

/** Reads a {@link CheckAnswer}. */
export const checkAnswer: z.ZodType<CheckAnswer> = z.looseObject({
  holders: z.array(holder),
  waiters: z.number().default(0),
  lockDelayMs: z.number().default(0),
});

/** Reads a {@link PageAnswer}. */
export const pageAnswer: z.ZodType<PageAnswer> = z.looseObject({
  claims: z.array(z.looseObject({ resource: z.string(), holds: z.boolean(), holder })),
  cursor: z.string().nullish(),
});

/** Reads a {@link CountAnswer}. */
export const countAnswer: z.ZodType<CountAnswer> = z.looseObject({ count: z.number() });

/** Reads an answer that says nothing but yes. */
export const anyAnswer: z.ZodType<object> = z.looseObject({});

/** "exclusive, held for 3s, 27s left, by anonymous from 127.0.0.1:4711: build 17". */
export function holderText({ mode, heldMs, leftMs, principal, address, metadata }: HolderAnswer): string {
  const held = typeof heldMs === "number" ? `, held for ${formatDuration(heldMs)}` : "";
  const left = typeof leftMs === "number" ? `, ${formatDuration(leftMs)} left` : "";
  const from = address === "" ? "" : ` from ${address}`;
  const about = metadata === "" ? "" : `: ${metadata}`;
  return `${mode}${held}${left}, by ${principal}${from}${about}`;
}
