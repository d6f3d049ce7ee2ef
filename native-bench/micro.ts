/** All micro-benchmarks, one after the other: engine, tables and wheel, codec, log. Run it by `make micro`. */
import { widenInlining } from "../src/node/compiler.js";
import { codecBench } from "./micro-codec.js";
import { enginePairsPerSecond } from "./micro-engine.js";
import { logBench } from "./micro-log.js";
import { TABLES_BENCH_CALLS, tablesBench } from "./micro-tables.js";

const ENGINE_SECONDS = 4;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

widenInlining(); // As the server does.
print("== engine: acquire + release of a million names of 20 bytes");
for (const session of [false, true]) {
  const pairs = enginePairsPerSecond({ session, seconds: ENGINE_SECONDS });
  print(`${session ? "with a session" : "without a session"}: ${(pairs / 1e6).toFixed(2)} million pairs a second`);
}

print("== codec, ns a message");
for (const [name, nanoseconds] of codecBench()) print(`${name}: ${nanoseconds.toFixed(0)} ns`);

print("== tables, ns a call");
const bench = tablesBench();
await bench.run();
for (const task of bench.tasks) {
  const { result } = task;
  if (result.state === "completed")
    print(`${task.name}: ${((result.latency.p50 * 1e6) / TABLES_BENCH_CALLS).toFixed(0)} ns`);
}

print("== log");
await logBench();
