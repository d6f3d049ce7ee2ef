/** The reader takes what the format says, in pieces of any size, and refuses all else by the number of its line. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHistory } from "./check.js";
import { BadLine } from "./parse-line.js";
import { HistoryReader, readHistoryLines } from "./read-history.js";

const HEADER = '{"t":"history","version":1,"commit":"4f2a","seed":"0x5eed","drift_ppm":500,"clock_error_ns":0}';
const GRANT =
  '{"t":"op","process":3,"session":"9f","id":41,"op":"acquire","resource":"order:7","call":10500,"return":20750,' +
  '"args":{"mode":"exclusive","ttl_ms":30000,"wait_ms":5000},"outcome":"granted","token":27801,"result":{}}';
const BELIEF =
  '{"t":"believe","process":3,"resource":"order:7","mode":"exclusive","token":27801,"from":20800,"to":30020800}';
const WATCH = '{"t":"watch","process":9,"resource":"order:7","kind":"granted","token":27801,"at":21000}';
const FAULT = '{"t":"fault","kind":"pause","target":"node-2","from":15000,"to":18000}';

test("the lines of the format are read, in pieces of any size", () => {
  const text = [HEADER, GRANT, BELIEF, WATCH, FAULT, ""].join("\n");
  for (const size of [1, 7, 100, text.length]) {
    const reader = new HistoryReader();
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) reader.take(bytes.subarray(at, at + size));
    const book = reader.end();
    assert.equal(book.operations, 1);
    assert.deepEqual(checkHistory(book), []);
  }
});

test("the quick way and the strict way read the same", () => {
  const release = GRANT.replace("acquire", "release")
    .replace('{"mode":"exclusive","ttl_ms":30000,"wait_ms":5000}', "{}")
    .replace("granted", "released")
    .replace("10500", "30030800")
    .replace("20750", "30030900");
  const permit = GRANT.replace(
    '"exclusive","ttl_ms":30000,"wait_ms":5000',
    '"permit","ttl_ms":0,"wait_ms":0,"permits":3',
  )
    .replace("order:7", "order:8")
    .replace('"process":3', '"process":4');
  const lines = [HEADER, GRANT, BELIEF, release, permit];
  const slowly = lines.map((line) => line.replaceAll(",", ", ")); // Any space sends a line the strict way.
  const quick = readHistoryLines(lines);
  const strict = readHistoryLines(slowly);
  const rowsOf = (book: typeof quick): unknown[] => {
    const rows: unknown[] = [];
    for (let resource = 0; resource < book.resources.size; resource++) {
      for (let row = book.lastOf(resource); row >= 0; row = book.previous(row)) {
        const numbers = [book.line(row), book.call(row), book.returned(row), book.token(row), book.number(row)];
        const words = [book.kind(row), book.mode(row), book.flags(row), book.outcome(row)];
        rows.push([
          book.resources.text(resource),
          book.kind(row) < 9 ? [book.session(row), book.id(row)] : [],
          numbers,
          words,
        ]);
      }
    }
    return rows;
  };
  assert.equal(rowsOf(quick).length, 4);
  assert.deepEqual(rowsOf(quick).slice(0, 2), rowsOf(strict).slice(0, 2));
  assert.deepEqual(rowsOf(quick).slice(3), rowsOf(strict).slice(3));
  assert.deepEqual(checkHistory(quick), []);
});

test("a line that is none is refused by its number", () => {
  const bad: readonly string[] = [
    "",
    "{}",
    "[]",
    GRANT.slice(0, -1),
    `${GRANT}x`,
    `${GRANT} ${GRANT}`,
    GRANT.replace('"id":41', '"id":041'),
    GRANT.replace('"id":41', '"id":0'),
    GRANT.replace('"id":41', '"id":4.5'),
    GRANT.replace("27801", "9007199254740992"),
    GRANT.replace("27801", "-1"),
    GRANT.replace('"token":27801', '"token":null'),
    GRANT.replace('"return":20750', '"return":10499'),
    GRANT.replace('"return":20750', '"return":null'),
    GRANT.replace('"outcome":"granted"', '"outcome":"unknown"'),
    GRANT.replace('"outcome":"granted"', '"outcome":"released"'),
    GRANT.replace('"outcome":"granted"', '"outcome":"won"'),
    GRANT.replace('"acquire"', '"take"'),
    GRANT.replace('"order:7"', "null"),
    GRANT.replace('"order:7"', '""'),
    GRANT.replace('"mode":"exclusive",', ""),
    GRANT.replace('"exclusive"', '"permit"'),
    GRANT.replace('"result":{}', '"result":{"colour":1}'),
    GRANT.replace('"result":{}', '"result":{},"more":1'),
    GRANT.replace('"session":"9f",', ""),
    BELIEF.replace('"to":30020800', '"to":20799'),
    BELIEF.replace('"mode":"exclusive",', ""),
    WATCH.replace("granted", "seen"),
    WATCH.replace("27801", "null"),
    HEADER,
  ];
  for (const line of bad) {
    assert.throws(
      () => readHistoryLines([HEADER, FAULT, line]),
      (error: unknown) => error instanceof BadLine && error.line === 3,
      line,
    );
  }
});

test("a history needs its header, its last line feed, and UTF-8", () => {
  assert.throws(() => readHistoryLines([]), /line 1: the history is empty/);
  assert.throws(() => readHistoryLines([GRANT]), /line 1: a history begins with/);
  assert.throws(() => readHistoryLines([HEADER.replace('"version":1', '"version":2')]), BadLine);
  const reader = new HistoryReader();
  reader.take(Buffer.from(`${HEADER}\n${GRANT}`));
  assert.throws(() => reader.end(), /line 2: the history ends within a line/);
  const bytes = Buffer.concat([Buffer.from(`${HEADER}\n{"t":"`), Buffer.from([0xff, 0x0a])]);
  assert.throws(() => new HistoryReader().take(bytes), /line 2: not UTF-8/);
});
