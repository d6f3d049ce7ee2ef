/**
 * What a setting can be: a text, a choice, a count, a port, a duration or a size. Each kind makes the zod schema that
 * checks a value and, beside it, the facts that the reference page, the sample file and the messages are made of, so
 * that they cannot say different things.
 */
import { z } from "zod";
import { formatDuration, formatSize, parseDuration, parseSize, type Quantity } from "../words/duration.js";
import type { Limit } from "../words/limits.js";

/** What is known of a setting beside its schema. */
export interface SettingFacts {
  readonly kind: "text" | "choice" | "count" | "port" | "duration" | "size";
  /** As it is written in the file. */
  readonly default: string | number;
  /** What is allowed, as a phrase: "a duration from 50ms to 24h". */
  readonly allowed: string;
  /** What it is for, as sentences. */
  readonly why: string;
  /** Whether its value is hidden wherever settings are shown. */
  readonly secret: boolean;
}

/** The facts of each setting's schema. */
export const FACTS: z.core.$ZodRegistry<SettingFacts> = z.registry<SettingFacts>();

/** A schema that a setting has: what was written goes in, what the program uses comes out. */
export type SettingSchema<Out, In = Out> = z.ZodType<Out, In>;

/** A whole number between bounds that are allowed themselves. */
export interface CountOptions {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly why: string;
}

/** A quantity with a unit; all three as people write them. */
export interface QuantityOptions {
  readonly default: string;
  readonly min: string;
  readonly max: string;
  readonly why: string;
}

/** A free text that has to match a pattern. */
export interface TextOptions {
  readonly default: string;
  readonly pattern: RegExp;
  readonly allowed: string;
  readonly why: string;
  /** Hidden wherever settings are shown; left out: it is not. */
  readonly secret?: boolean;
}

/** One of a few words. */
export interface ChoiceOptions<Choice extends string> {
  readonly default: Choice;
  readonly choices: readonly Choice[];
  readonly why: string;
}

/** A setting that is a text. */
export function text(options: TextOptions): SettingSchema<string> {
  const { pattern, allowed, why } = options;
  const schema = z.string("it is not a text").regex(pattern, "it does not have the form of one");
  return withFacts(schema, { kind: "text", default: options.default, allowed, why, secret: options.secret === true });
}

/** A setting that is one of a few words. */
export function choice<Choice extends string>(options: ChoiceOptions<Choice>): SettingSchema<Choice> {
  const schema = z.literal(options.choices, "it is none of them");
  const allowed = `one of ${options.choices.join(", ")}`;
  return withFacts(schema, { kind: "choice", default: options.default, allowed, why: options.why, secret: false });
}

/** A setting that is a whole number. */
export function count(options: CountOptions): SettingSchema<number> {
  const allowed = `a whole number from ${inThousands(options.min)} to ${inThousands(options.max)}`;
  const facts: SettingFacts = { kind: "count", default: options.default, allowed, why: options.why, secret: false };
  return withFacts(wholeNumber(options.min, options.max), facts);
}

/** A setting that is a TCP port; 0 stands for any free one. */
export function tcpPort(defaultPort: number, why: string): SettingSchema<number> {
  const allowed = "a port from 1 to 65535, or 0 for any free one";
  return withFacts(wholeNumber(0, 65_535), { kind: "port", default: defaultPort, allowed, why, secret: false });
}

/** A setting that is a time with its unit; milliseconds for the program. */
export function duration(options: QuantityOptions): SettingSchema<number, string> {
  const schema = quantity(options, parseDuration);
  const allowed = `a duration from ${options.min} to ${options.max}`;
  return withFacts(schema, { kind: "duration", default: options.default, allowed, why: options.why, secret: false });
}

/** A setting that is a size with its unit; bytes for the program. */
export function size(options: QuantityOptions): SettingSchema<number, string> {
  const schema = quantity(options, parseSize);
  const allowed = `a size from ${options.min} to ${options.max}`;
  return withFacts(schema, { kind: "size", default: options.default, allowed, why: options.why, secret: false });
}

/** The setting of a limit, in the kind that its unit asks for; its numbers and its reason are the limit's own. */
export function limit(of: Limit): SettingSchema<number, number | string> {
  if (of.unit === "count") return count(of);
  if (of.unit === "ms") return duration(written(of, formatDuration));
  return size(written(of, formatSize));
}

function written(of: Limit, format: (value: number) => string): QuantityOptions {
  return { default: format(of.default), min: format(of.min), max: format(of.max), why: of.why };
}

function wholeNumber(min: number, max: number): z.ZodNumber {
  const message = "it is not a whole number";
  return z
    .number(message)
    .refine(Number.isSafeInteger, { message, abort: true })
    .min(min, `it is less than ${inThousands(min)}`)
    .max(max, `it is more than ${inThousands(max)}`);
}

function quantity(options: QuantityOptions, parse: (text: string) => Quantity): SettingSchema<number, string> {
  const min = valueOf(parse(options.min));
  const max = valueOf(parse(options.max));
  return z.string("the unit is missing: it is a text in quotes").transform((raw, context) => {
    const parsed = parse(raw);
    if (parsed.kind === "refused") context.addIssue(parsed.reason);
    else if (parsed.value < min) context.addIssue(`it is less than ${options.min}`);
    else if (parsed.value > max) context.addIssue(`it is more than ${options.max}`);
    else return parsed.value;
    return z.NEVER;
  });
}

/** @throws Error if a bound that this program wrote itself cannot be read. */
function valueOf(parsed: Quantity): number {
  if (parsed.kind === "refused") throw new Error(`a bound of a setting is wrong: ${parsed.reason}`);
  return parsed.value;
}

function withFacts<Out, In>(schema: SettingSchema<Out, In>, facts: SettingFacts): SettingSchema<Out, In> {
  FACTS.add(schema, facts);
  return schema;
}

function inThousands(value: number): string {
  return value.toLocaleString("en-US");
}
