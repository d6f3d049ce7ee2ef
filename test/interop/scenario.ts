/**
 * The text of a scenario as steps: one conformance run for clients in every language, because what two clients were each
 * tested for alone they need not agree on.
 *
 *     a acquire lock:1 ttl=10s as=first -> granted token=T1     actor, verb, what about, words, what must come
 *     . until lock:1 holders=1                                  the actor "." is the run itself
 */
import assert from "node:assert/strict";

/** How a word compares: `=` gives a value, or demands one. */
export type Operator = "=" | "<" | "<=" | ">" | ">=";

/** `key=value` as it is written. A value that begins with a capital letter is a variable of the scenario. */
export interface Term {
  readonly key: string;
  readonly operator: Operator;
  readonly value: string;
}

/** One line. */
export interface Step {
  /** The line as it is written, with its number, for whoever reads a failure. */
  readonly text: string;
  readonly actor: string;
  readonly verb: string;
  /** What it is about: a resource, prefix or label; "" if nothing. */
  readonly about: string;
  readonly terms: readonly Term[];
  /** What must come; undefined: nobody looks, or `await` does. */
  readonly expected: { readonly outcome: string; readonly terms: readonly Term[] } | undefined;
}

/** One scenario. */
export interface Scenario {
  /** The sentence in its first line. */
  readonly title: string;
  readonly steps: readonly Step[];
  /** The actors whose connections the run cuts or holds up. */
  readonly disturbed: ReadonlySet<string>;
}

/** Reads a file of scenarios: each begins with a line `# sentence`; further `#` lines are comments. */
export function parseScenarios(text: string): readonly Scenario[] {
  const parts: { title: string; steps: Step[] }[] = [];
  for (const [index, written] of text.split("\n").entries()) {
    const line = written.trim();
    if (line === "") continue;
    if (line.startsWith("# ")) {
      parts.push({ title: line.slice(2), steps: [] });
      continue;
    }
    if (line.startsWith("##")) continue;
    const scenario = parts.at(-1);
    assert.ok(scenario !== undefined, "a scenario begins with # and its sentence");
    scenario.steps.push(parseStep(line, index + 1));
  }
  return parts.map(({ title, steps }) => ({ title, steps, disturbed: disturbedBy(steps) }));
}

function disturbedBy(steps: readonly Step[]): ReadonlySet<string> {
  return new Set(steps.filter(({ verb }) => verb === "cut" || verb === "mute").map(({ about }) => about));
}

function parseStep(line: string, number: number): Step {
  const [asked = "", answered] = line.split("->");
  const [actor = "", verb = "", ...rest] = words(asked);
  const about = rest[0] === undefined || isTerm(rest[0]) ? "" : rest[0];
  const terms = rest.slice(about === "" ? 0 : 1).map(parseTerm);
  const text = `${number}: ${line}`;
  if (answered === undefined) return { text, actor, verb, about, terms, expected: undefined };
  const [outcome = "", ...demands] = words(answered);
  return { text, actor, verb, about, terms, expected: { outcome, terms: demands.map(parseTerm) } };
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

function isTerm(word: string): boolean {
  return /^\w+(=|<|>)/.test(word);
}

function parseTerm(word: string): Term {
  const [, key = "", operator = "", value = ""] = /^(\w+)(<=|>=|=|<|>)(.*)$/.exec(word) ?? [];
  assert.ok(isOperator(operator), `not key=value: ${word}`);
  return { key, operator, value };
}

function isOperator(text: string): text is Operator {
  return ["=", "<", "<=", ">", ">="].includes(text);
}
