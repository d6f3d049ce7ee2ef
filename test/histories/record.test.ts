/** What the library writes down: the whole of what it asked and was told, and nothing that it can't know. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { History, Holdfast } from "../../src/client/index.js";
import type { HistoryLine, HistoryOp } from "../../src/words/history.js";
import { freshDirectory, runCommand, startServer } from "../node/server-process.js";
import { checkHistory } from "./check.js";
import { parseLine } from "./parse-line.js";
import { readHistoryFile } from "./read-history.js";

function parsed(lines: readonly string[]): readonly HistoryLine[] {
  return lines.map((line, index) => parseLine(line, index + 1));
}

function opsOf(lines: readonly string[]): readonly HistoryOp[] {
  return parsed(lines).filter((line) => line.t === "op");
}

test("each answer is written once with what was asked, and belief ends before its release is sent (R-3)", async () => {
  const server = await startServer();
  const lines: string[] = [];
  const history = new History((line) => lines.push(line), { seed: "a", commit: "b" });
  const client = await Holdfast.connect({ url: server.url, recordHistory: history });
  const lock = await client.acquire("order:1", { ttl: "30s", mode: { permits: 2 }, lockDelay: 20 });
  await lock.renew("40s");
  await client.check("order:1");
  await lock.release();
  await client.check("order:1");
  await client.close();
  await server.stop();

  const told = opsOf(lines).map(({ op, outcome, args, result }) => ({ op, outcome, args, result }));
  const session = opsOf(lines)[0]?.session ?? "";
  assert.match(session, /^[0-9a-f]{16}$/);
  const asked = { mode: "permit", ttl_ms: 30_000, wait_ms: 0, permits: 2, lock_delay_ms: 20 };
  const holders = [{ client: session, mode: "permit" }];
  assert.deepEqual(told.slice(0, 5), [
    { op: "acquire", outcome: "granted", args: asked, result: {} },
    { op: "renew", outcome: "renewed", args: { ttl_ms: 40_000 }, result: {} },
    { op: "check", outcome: "held", args: {}, result: { holders, waiters: 0 } },
    { op: "release", outcome: "released", args: {}, result: {} },
    { op: "check", outcome: "free", args: {}, result: { holders: [], waiters: 0 } },
  ]);
  const belief = parsed(lines).find((line) => line.t === "believe");
  const [grant, , , release] = opsOf(lines);
  assert.ok(belief?.t === "believe" && belief.token === lock.token);
  assert.ok(belief.from >= (grant?.return ?? Infinity) && belief.to <= (release?.call ?? 0));
});

test("what a dead server did not answer is unknown, and its process does nothing more", async () => {
  const server = await startServer();
  const lines: string[] = [];
  const history = new History((line) => lines.push(line));
  const client = await Holdfast.connect({ url: server.url, recordHistory: history });
  const lock = await client.acquire("order:1");
  process.kill(server.pid, "SIGSTOP");
  const waits = [client.acquire("order:2"), client.acquire("order:3")].map((wait) => wait.catch(() => undefined));
  await new Promise((resolve) => setTimeout(resolve, 50)); // Until they are sent; only a stopped server never answers.
  await server.kill();
  await client.close();
  await Promise.all(waits);

  assert.equal(lock.isHeld(), false);
  const unknown = opsOf(lines).filter(({ outcome }) => outcome === "unknown");
  assert.deepEqual(unknown.map(({ op, resource, return: returned }) => [op, resource, returned]).slice(0, 2), [
    ["acquire", "order:2", null],
    ["acquire", "order:3", null],
  ]);
  const processes = opsOf(lines).map((op) => op.process);
  for (const { process } of unknown)
    assert.equal(
      processes.lastIndexOf(process),
      opsOf(lines).findIndex((op) => op.process === process && op.outcome === "unknown"),
    );
});

test("holdfast bench --history writes a history that a checker lets pass", async () => {
  const server = await startServer();
  const file = join(freshDirectory(), "bench.jsonl");
  const flags = ["--seconds", "1", "--clients", "2", "--window", "4", "--history", file];
  const ended = await runCommand(["bench", "--url", server.url, ...flags]);
  assert.equal(ended.exitCode, 0, ended.stderr);
  await server.stop();

  const book = await readHistoryFile(file);
  assert.deepEqual(checkHistory(book), []);
  assert.ok(book.operations > 10, readFileSync(file, "utf8").slice(0, 500));
});
