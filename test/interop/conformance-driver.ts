/**
 * What the conformance run asks of a client, in any language: carry out one command, and say how it ended in flat words.
 * The commands and outcomes are listed in README.md beside this file.
 */

/** A word's value: durations are milliseconds. */
export type Value = string | number | boolean;

/** Flat words, the same in TypeScript and as one line of JSON. */
export type Words = Readonly<Record<string, Value>>;

/** A client in some language, and whatever makes it do what a command says. */
export interface ConformanceDriver {
  /** Carries out `verb` for `client`. @returns words with an `outcome`; a failure of the driver itself rejects. */
  carryOut(command: Words): Promise<Words>;
  /** Ends it with all its clients. */
  end(): Promise<void>;
}
