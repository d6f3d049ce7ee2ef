/** Figures of runs are kept by source, add up, and stand on the page as they are. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { proofPage } from "./page.js";
import { ProofSeries, readProof } from "./proof-lines.js";
import { commitOfRun, sourceTree } from "./source-tree.js";

function freshFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-proof-"));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

test("runs at one source add up, and those at another do not count", (t) => {
  const folder = freshFolder(t);
  const series = new ProofSeries("bitflips", "make bitflips", folder);
  assert.equal(series.sum("flips"), 0);
  series.add({ flips: 50, wrong: 0 });
  series.add({ flips: 30, wrong: 1 });
  appendFileSync(
    join(folder, "bitflips.jsonl"),
    '{"kind":"bitflips","tree":"0123","commit":"c","command":"x","flips":7}\n',
  );
  assert.equal(series.sum("flips"), 80);
  const page = proofPage(readProof(folder), sourceTree());
  assert.match(page, /\| log: flipped bits \| 80 \| ≥ 1,000 \| `make bitflips` \| `/);
  assert.match(page, /\| bitflips: wrong \| 1 \| 0 \|/);
  assert.match(page, /\| decoder: frames \| nothing yet \| ≥ 100,000,000 \|/);
  assert.match(page, /\| bitflips \| flips 7 \| `0123` \| `x` \| `c` \|/);
});

test("a line of a kind that nobody knows is listed as it is, and one that is none is named", (t) => {
  const folder = freshFolder(t);
  appendFileSync(join(folder, "dreams.jsonl"), '{"kind":"dreams","sheep":3}\n');
  assert.match(proofPage(readProof(folder), "a"), /- `\{"kind":"dreams","sheep":3\}`/);
  appendFileSync(join(folder, "dreams.jsonl"), '{"sheep":');
  assert.throws(() => readProof(folder), /dreams.jsonl:2 is no line of proof/);
});

test("a line says at which commit and source it was", (t) => {
  const folder = freshFolder(t);
  new ProofSeries("fuzz", "make fuzz", folder).add({ frames: 1 });
  const [line] = readProof(folder);
  assert.deepEqual([line?.tree, line?.commit], [sourceTree(), commitOfRun()]);
  assert.match(line?.tree ?? "", /^[0-9a-f]{12}$/);
  assert.match(readFileSync(join(folder, "fuzz.jsonl"), "utf8"), /\n$/);
});
