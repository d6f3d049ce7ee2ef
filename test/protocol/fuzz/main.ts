/**
 * `make fuzz FRAMES=10000000`: so many more frames, half of them from each fuzzer; test/proof/fuzz.jsonl adds them up. A
 * frame that the decoder does not bear is written into test/protocol/corpus, where it is tested for ever after.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../house/house.js";
import { countFrom, ProofSeries } from "../../proof/proof-lines.js";
import { Random, seedOfRun } from "../../tables/random.js";
import { fuzz, type Fuzzer, WrongFrame } from "../fuzz-frames.js";

/** Frames of one line of proof. */
const BATCH = 500_000;
/** Memory that the process may have more at the end than after its first batch, in bytes. */
const GROWTH_MAX = 64 * 2 ** 20;

function keep(error: WrongFrame): void {
  const hex = Buffer.from(error.frame).toString("hex");
  const name = `found-${createHash("sha1").update(hex).digest("hex").slice(0, 10)}.hex`;
  const text = `# ${error.message.split("\n")[0]?.slice(0, 200) ?? ""}\n${hex}\n`;
  writeFileSync(join(root, "test/protocol/corpus", name), text);
  console.error(`WRONG: ${error.message}\nkept as test/protocol/corpus/${name}`);
}

const wanted = countFrom("FRAMES", 10_000_000);
const series = new ProofSeries("fuzz", "make fuzz FRAMES=10000000");
const random = new Random(seedOfRun());
const began = performance.now();
let memoryAtFirst = 0;
let done = 0;
for (let batch = 0; done < wanted; batch++) {
  const fuzzer: Fuzzer = batch % 2 === 0 ? "grammar" : "blind";
  const frames = Math.min(BATCH, wanted - done, Math.ceil(wanted / 2));
  const seed = random.bits();
  try {
    fuzz(fuzzer, seed, frames);
    series.add({ fuzzer, frames, wrong: 0, seed });
  } catch (error) {
    if (!(error instanceof WrongFrame)) throw error;
    keep(error);
    series.add({ fuzzer, frames: 0, wrong: 1, seed });
    process.exitCode = 1;
  }
  done += frames;
  const { rss } = process.memoryUsage();
  if (batch === 1) memoryAtFirst = rss;
  if (batch > 1 && rss > memoryAtFirst + GROWTH_MAX) throw new Error(`memory grew from ${memoryAtFirst} to ${rss}`);
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(`${done} of ${wanted} frames after ${seconds} s; ${series.sum("frames")} in all at this source`);
}
