/** How single fields of requests are written: durations with a unit, names as text that is Unicode. */
import { z } from "zod";
import { parseDuration } from "../../words/duration.js";

const DURATION_FORM = 'a duration is a text such as "30s" or "1h30m", or a whole number of milliseconds';

/** Half of a pair of UTF-16: it has no UTF-8, so two such names would become the same. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Milliseconds, from "30s" or 30000. */
export function duration(description: string, example: string): z.ZodType<number, string | number> {
  return z
    .union([z.string(), z.int()], DURATION_FORM)
    .transform((written, context) => {
      if (typeof written === "number") return written;
      const parsed = parseDuration(written);
      if (parsed.kind === "quantity") return Math.ceil(parsed.value);
      context.addIssue({ code: "custom", message: parsed.reason, input: written });
      return z.NEVER;
    })
    .meta({ description, examples: [example] });
}

/** Text of which every character has a UTF-8. */
export function text(description: string, example: string): z.ZodType<string, string> {
  return z
    .string()
    .refine((written) => !LONE_SURROGATE.test(written), "half of a surrogate pair is no character")
    .meta({ description, examples: [example] });
}

/** A fencing token. */
export function token(description: string): z.ZodType<number, number> {
  return z
    .int()
    .min(1, "a token is a whole number from 1")
    .meta({ description, examples: [17] });
}
