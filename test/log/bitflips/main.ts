/**
 * `make bitflips FLIPS=1000`: so many flipped bits of database and WAL in all, each noticed or harmless. What this source
 * has already shown (test/proof/bitflips.jsonl) counts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countFrom, ProofSeries } from "../../proof/proof-lines.js";
import { Random, seedOfRun } from "../../tables/random.js";
import { flipOne, makeImage, type Suffix } from "../bit-flips.js";

/** Flips that are made of one image, and told in one line. */
const BATCH = 50;

interface Flips {
  readonly file: Suffix;
  readonly noticed: number;
  readonly harmless: number;
  readonly wrong: number;
}

/** An image of which most is in the database, or all of it in the WAL, and flips of that file. */
async function flipMany(
  scratch: string,
  random: Random,
  { count, file }: { count: number; file: Suffix },
): Promise<Flips> {
  const living = mkdtempSync(join(scratch, "living-"));
  const image = mkdtempSync(join(scratch, "image-"));
  await makeImage(living, image, file === "" ? 100_000 : 2 ** 30);
  const seen = { noticed: 0, harmless: 0, wrong: 0 };
  for (let n = 0; n < count; n++) {
    try {
      seen[await flipOne(image, join(scratch, "copy"), { suffix: file, random })]++;
    } catch (error) {
      seen.wrong++;
      console.error(`WRONG: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { file, ...seen };
}

const wanted = countFrom("FLIPS", 1_000);
const series = new ProofSeries("bitflips", "make bitflips");
const seed = seedOfRun();
const random = new Random(seed);
const scratch = mkdtempSync(join(tmpdir(), "holdfast-flips-"));
let done = series.sum("flips");
for (let batch = Math.floor(done / BATCH); done < wanted; batch++) {
  const count = Math.min(BATCH, wanted - done);
  const { file, ...seen } = await flipMany(scratch, random, { count, file: batch % 2 === 0 ? "" : "-wal" });
  series.add({ flips: count, ...seen, file: `store-0.db${file}`, seed });
  done += count;
  console.log(`${done} of ${wanted} bits flipped; of the last ${count} ${JSON.stringify(seen)} in store-0.db${file}`);
  if (seen.wrong > 0) process.exitCode = 1;
}
rmSync(scratch, { recursive: true, force: true });
console.log(`${done} bits flipped at this source`);
