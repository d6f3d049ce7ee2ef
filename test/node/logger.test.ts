// Lines are whole, small and without secrets: what is read at night must be JSON, line by line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { type LoggerOptions, makeLogger } from "../../src/node/logger.js";

/** What a logger writes into a file, parsed line by line. */
function lines(level: LoggerOptions["level"], use: (logger: ReturnType<typeof makeLogger>) => void): unknown[] {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-logger-"));
  try {
    const path = join(directory, "log");
    const fileDescriptor = openSync(path, "w");
    use(makeLogger({ level, node: "n1", fileDescriptor }));
    closeSync(fileDescriptor);
    const text = readFileSync(path, "utf8");
    for (const line of text.split("\n")) assert.ok(Buffer.byteLength(line) < 4_096, "a line is one write of a pipe");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line): unknown => JSON.parse(line));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function withoutTime(line: unknown): unknown {
  assert.ok(typeof line === "object" && line !== null && "time" in line && typeof line.time === "string");
  assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  return { ...line, time: "" };
}

test("a line has level, time, node, the words as keys, and the sentence", () => {
  const written = lines("info", (logger) => {
    logger.child({ worker: 1 }).warn({ shard: 7 }, "backup leaves the in-sync set (R-11)");
  });
  assert.deepEqual(
    written.map((line) => withoutTime(line)),
    [{ level: "warn", time: "", node: "n1", worker: 1, shard: 7, msg: "backup leaves the in-sync set (R-11)" }],
  );
});

test("what is less urgent than the level is not written, and silent writes nothing", () => {
  const use = (logger: ReturnType<typeof makeLogger>): void => {
    logger.info("one");
    logger.warn("two");
  };
  assert.equal(lines("info", use).length, 2);
  assert.equal(lines("warn", use).length, 1);
  assert.equal(lines("silent", use).length, 0);
});

test("keys and tokens are hidden, at the top and one level down", () => {
  const text = JSON.stringify(
    lines("info", (logger) => {
      logger.info(
        { key: "hf_1", token: "hf_2", request: { authorization: "hf_3", sessionKey: "hf_4", path: "/v1" } },
        "said",
      );
    }),
  );
  for (const secret of ["hf_1", "hf_2", "hf_3", "hf_4"]) assert.ok(!text.includes(secret), secret);
  assert.ok(text.includes("/v1") && text.includes("(hidden)"));
});

test("a line of more than 4 KiB is cut to its start and stays one object", () => {
  for (const filling of ["x", '"', "\u0001", "日", "🔒"]) {
    const [line] = lines("info", (logger) => {
      logger.error({ stack: filling.repeat(5_000) }, "broken");
    });
    assert.ok(typeof line === "object" && line !== null && "start" in line && "level" in line && "bytes" in line);
    assert.equal(line.level, "error");
    assert.ok(typeof line.start === "string" && line.start.includes('"stack":"'));
  }
});

test("lines that several threads write into one pipe at once stay whole (T-7)", async () => {
  const threads = 3;
  const linesEach = 1_000;
  const worker = `
    import(${JSON.stringify(new URL("../../src/node/logger.js", import.meta.url).href)}).then(({ makeLogger }) => {
      const logger = makeLogger({ level: "info", node: "n1" });
      for (let line = 0; line < ${linesEach}; line += 1) {
        logger.info({ line, filling: "x".repeat(line % 3000) }, "said");
      }
    });`;
  const main = `
    const { Worker } = require("node:worker_threads");
    for (let thread = 0; thread < ${threads}; thread += 1) new Worker(${JSON.stringify(worker)}, { eval: true });`;
  const child = spawn(process.execPath, ["-e", main], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  const sums = new Map<unknown, number>();
  for await (const text of createInterface(child.stderr)) {
    const line: unknown = JSON.parse(text);
    assert.ok(typeof line === "object" && line !== null && "line" in line && "msg" in line, text);
    sums.set(line.line, (sums.get(line.line) ?? 0) + 1);
  }
  assert.deepEqual(await ended, [0, null]);
  assert.equal(sums.size, linesEach);
  assert.ok([...sums.values()].every((sum) => sum === threads));
});
