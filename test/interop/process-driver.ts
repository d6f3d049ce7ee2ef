/** A client in another language, as a process of its own: commands and answers are lines of JSON with an `id`. */
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ConformanceDriver, Value, Words } from "./conformance-driver.js";

/** What runs the client. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** The process, and the commands that it has not answered. */
export class ProcessDriver implements ConformanceDriver {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<unknown>;
  readonly #waiting: Map<number, (answer: Words | Error) => void> = new Map();
  #lastId = 0;
  #said = "";

  /** Starts the program. */
  constructor({ command, args }: Program) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
    this.#child.stdin.on("error", () => {}); // That it has ended is told by "close".
    createInterface(this.#child.stdout).on("line", (line) => {
      const answer = parseWords(line);
      const id = Number(answer["id"]);
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
    this.#ended = once(this.#child, "close").then(() => {
      for (const tell of this.#waiting.values()) tell(new Error(`the client's process has ended: ${this.#said}`));
    });
  }

  async carryOut(command: Words): Promise<Words> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (answer) => {
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
      this.#child.stdin.write(`${JSON.stringify({ ...command, id })}\n`);
    });
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(timer);
    assert.equal(this.#said, "", "the client's process says nothing of itself");
  }
}

function parseWords(line: string): Words {
  const parsed: unknown = JSON.parse(line);
  assert.ok(typeof parsed === "object" && parsed !== null, `not an object: ${line}`);
  const words: Record<string, Value> = {};
  for (const [key, value] of Object.entries(parsed)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") words[key] = value;
  }
  return words;
}
