/**
 * The figures that runs leave behind: one JSON object a line in test/proof/<name>.jsonl, appended and never rewritten, so
 * that runs of many days add up. `make proof` makes test/PROOF.md out of them.
 *
 *     {"kind":"kills","at":"2026-11-23T16:00:00.000Z","commit":"b0855fefaaa7","tree":"0123456789ab",
 *      "command":"make kills ROUNDS=1000","rounds":25,"answers":81234,"wrong":0}
 *
 * `kind`, `at`, `commit`, `tree` and `command` are in each line that we write; everything else is figures of the kind.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { root } from "../house/house.js";
import { commitOfRun, sourceTree } from "./source-tree.js";

/** Where the lines are. */
const PROOF_FOLDER: string = join(root, "test/proof");

/** One line; fields beside the named ones are figures. */
export interface ProofLine {
  readonly kind: string;
  readonly at?: string | undefined;
  readonly commit?: string | undefined;
  readonly tree?: string | undefined;
  readonly command?: string | undefined;
  readonly [figure: string]: unknown;
}

const lineSchema = z.looseObject({
  kind: z.string().min(1),
  at: z.string().optional(),
  commit: z.string().optional(),
  tree: z.string().optional(),
  command: z.string().optional(),
});

/** What a kind of run has to say in numbers and words. */
export type Figures = Readonly<Record<string, number | string>>;

/** All lines of all files, by file name and then as they were written. @throws Error naming a line that is none */
export function readProof(folder: string = PROOF_FOLDER): readonly ProofLine[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  return names.sort().flatMap((name) =>
    readFileSync(join(folder, name), "utf8")
      .split("\n")
      .flatMap((text, index) => (text === "" ? [] : [parse(text, `${name}:${index + 1}`)])),
  );
}

function parse(text: string, where: string): ProofLine {
  try {
    return lineSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${where} is no line of proof: ${text.slice(0, 100)}`, { cause: error });
  }
}

/** A series of runs of one kind, at the source as it was when the series began. */
export class ProofSeries {
  readonly #kind: string;
  readonly #command: string;
  readonly #folder: string;
  readonly #tree: string = sourceTree();

  /** @param command what to type to add to it */
  constructor(kind: string, command: string, folder: string = PROOF_FOLDER) {
    this.#kind = kind;
    this.#command = command;
    this.#folder = folder;
  }

  /** How much of `field` this source has shown so far. */
  sum(field: string): number {
    const lines = readProof(this.#folder).filter(({ kind, tree }) => kind === this.#kind && tree === this.#tree);
    return lines.reduce((total, line) => total + (typeof line[field] === "number" ? line[field] : 0), 0);
  }

  /**
   * Appends one line.
   * @throws Error if the source is no longer what it was at the beginning: nobody knows what such a run was about
   */
  add(figures: Figures): void {
    if (sourceTree() !== this.#tree) throw new Error("src has changed since the run began: begin again");
    const line = { kind: this.#kind, at: new Date().toISOString(), commit: commitOfRun(), tree: this.#tree };
    mkdirSync(this.#folder, { recursive: true });
    const text = `${JSON.stringify({ ...line, command: this.#command, ...figures })}\n`;
    appendFileSync(join(this.#folder, `${this.#kind}.jsonl`), text);
  }
}

/** A count from the environment. @throws Error if it is there and no whole number from 1 */
export function countFrom(name: string, otherwise: number): number {
  const text = process.env[name];
  const count = text === undefined || text === "" ? otherwise : Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`${name}=${String(text)} is no whole number from 1`);
  return count;
}
