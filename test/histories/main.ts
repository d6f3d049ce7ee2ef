/**
 * `main.js check FILE…` judges recorded histories, and says how fast that was. `main.js make DIR` records good ones from a
 * real server into DIR, and spoils 200: what both checkers are tried on.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seedOfRun } from "../tables/random.js";
import { checkHistory, describe } from "./check.js";
import { readHistoryFile } from "./read-history.js";
import { recordHistory } from "./record.js";
import { spoil } from "./spoiled.js";

const GOOD = 3;
const SPOILED = 200;
const LINES_PER_LIFE = 3_000;

const [command, ...rest] = process.argv.slice(2);
if (command === "check" && rest.length > 0) for (const file of rest) await check(file);
else if (command === "make" && rest[0] !== undefined) await make(rest[0]);
else {
  console.error("main.js check FILE… | main.js make DIR");
  process.exitCode = 2;
}

async function check(file: string): Promise<void> {
  const beganMs = performance.now();
  const cpu = process.cpuUsage();
  const book = await readHistoryFile(file);
  const found = checkHistory(book);
  const seconds = (performance.now() - beganMs) / 1_000;
  const used = process.cpuUsage(cpu);
  const cpuSeconds = (used.user + used.system) / 1_000_000;
  for (const violation of found) console.log(`${file}: ${describe(violation)}`);
  const rates = `${Math.round(book.operations / seconds)} a second, ${Math.round(book.operations / cpuSeconds)} of CPU`;
  console.log(`${file}: ${book.operations} operations, ${found.length} violations (${rates})`);
  if (found.length > 0) process.exitCode = 1;
}

async function make(directory: string): Promise<void> {
  const seed = seedOfRun();
  console.log(`SEED=${seed}`);
  const goods: (readonly string[])[] = [];
  for (let n = 0; n < GOOD; n++)
    goods.push(await recordHistory({ seed: seed + n, lives: 2, linesPerLife: LINES_PER_LIFE }));
  write(join(directory, "good"), goods);
  const spoiled = [...spoil(goods, SPOILED, seed)];
  write(
    join(directory, "spoiled"),
    spoiled.map(({ lines }) => lines),
    spoiled.map(({ kind }) => kind),
  );
  console.log(`${goods.length} good and ${spoiled.length} spoiled histories in ${directory}`);
}

function write(directory: string, histories: readonly (readonly string[])[], names: readonly string[] = []): void {
  mkdirSync(directory, { recursive: true });
  histories.forEach((lines, index) => {
    const name = `${String(index).padStart(3, "0")}-${names[index] ?? "recorded"}.jsonl`;
    writeFileSync(join(directory, name), lines.map((line) => `${line}\n`).join(""));
  });
}
