/**
 * `make mutants`: each known bug is hunted by its net, and a table says what has found it and in how many seeds. What was
 * found of this source is in test/proof/mutants.jsonl and is not hunted again. MUTANT=name hunts one, SEEDS= (5,000) is
 * the most that a hunt may take, WORKERS= how many are hunted at once. Ends with 1 if one is not found.
 */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { readSources } from "../house/house.js";
import { countFrom, ProofSeries, readProof } from "../proof/proof-lines.js";
import { sourceTree } from "../proof/source-tree.js";
import { hunt, toldHunt } from "./hunt.js";
import { type Mutant, patchHash, toldNet } from "./mutant.js";
import { mutantNamed, MUTANTS } from "./mutants.js";

const SEEDS_DEFAULT = 5_000;
/** In vain so far, a hunt says so, and goes on from there when it is asked to again. */
const SEEDS_AT_ONCE = 100;

const named = process.env["MUTANT"] ?? "";
const seedsMax = countFrom("SEEDS", SEEDS_DEFAULT);
const series = new ProofSeries("mutants", "make mutants");
const tree = sourceTree();
/** What was in vain counts only for the nets as they were. */
const nets = netsHash();
const missed: string[] = [];

function netsHash(): string {
  const hash = createHash("sha1");
  for (const { path, text } of readSources(["test/simulator", "test/model"])) hash.update(path).update(text);
  return hash.digest("hex").slice(0, 12);
}

interface Before {
  readonly by: string;
  readonly seeds: number;
}

/** What earlier runs have to say of a mutant of this source. */
function before(mutant: Mutant): Before {
  const patch = patchHash(mutant);
  const lines = readProof().filter((line) => line.kind === "mutants" && line.tree === tree && line["patch"] === patch);
  const found = lines.find((line) => line["found"] === 1);
  if (found !== undefined) return { by: String(found["by"]), seeds: Number(found["seeds"]) };
  const inVain = lines.filter((line) => line["nets"] === nets);
  return { by: "", seeds: inVain.reduce((sum, line) => sum + Number(line["tried"] ?? 0), 0) };
}

async function pursue(mutant: Mutant): Promise<void> {
  let { by, seeds } = before(mutant);
  const isOnce = mutant.net.kind !== "simulator";
  const patch = patchHash(mutant);
  if (by !== "") {
    say(`| ${mutant.name} | ${toldNet(mutant.net)} | ${by} | ${seeds} | before |`);
    return;
  }
  const about = { mutant: mutant.name, patch, nets };
  while (by === "" && seeds < (isOnce ? 1 : seedsMax)) {
    const hunted = await hunt(mutant, { firstSeed: seeds + 1, seedsMax: Math.min(SEEDS_AT_ONCE, seedsMax - seeds) });
    by = hunted.by;
    seeds += hunted.seeds;
    const isLast = by !== "" || isOnce || seeds >= seedsMax;
    const found = by === "" ? 0 : 1;
    series.add({ mutants: found, found, ...about, by, seeds, tried: hunted.seeds });
    if (isLast) say(toldHunt({ ...hunted, seeds }));
  }
  if (by === "") missed.push(mutant.name);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const wanted = named === "" ? [...MUTANTS] : [mutantNamed(named)];
const count = wanted.length;
say("| mutant | net | found by | seeds | also |\n|---|---|---|---|---|");
const workers = Array.from({ length: Math.min(countFrom("WORKERS", availableParallelism()), count) }, async () => {
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) await pursue(next);
});
await Promise.all(workers);
say(
  `${count - missed.length} of ${count} mutants found${missed.length === 0 ? "" : `; not found: ${missed.join(", ")}`}`,
);
if (missed.length > 0) process.exitCode = 1;
