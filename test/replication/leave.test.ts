/** A node that is about to stop leaves the in-sync sets first, so that no commit waits for its silence. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inOffice, inSync } from "./told.js";

test("a member that wants to leave is out of the set at once, and stays out until its next life", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  cluster.member("c").inputs.push({ kind: "leave" });
  cluster.run(300, 1);
  assert.equal(inSync(cluster), "ab");
  cluster.run(15_000, 1);
  assert.equal(inSync(cluster), "ab");
  cluster.crash("c");
  cluster.run(100, 1);
  cluster.heal();
  cluster.run(12_000, 1);
  assert.equal(inSync(cluster), "abc");
});

test("a member is kept where fewer than minInSync would stay", () => {
  const cluster = inOffice({ minInSync: 3 });
  cluster.member("c").inputs.push({ kind: "leave" });
  cluster.run(5_000, 1);
  assert.equal(inSync(cluster), "abc");
});

test("a primary does not leave its own set: it hands office over first, and leaves then", () => {
  const cluster = inOffice();
  cluster.member("a").inputs.push({ kind: "leave" });
  cluster.run(500, 1);
  assert.equal(inSync(cluster), "abc");
  cluster.member("a").inputs.push({ kind: "hand-over", to: "b" });
  cluster.runUntil(() => cluster.primary === "b");
  cluster.member("a").inputs.push({ kind: "leave" });
  cluster.run(500, 1);
  assert.equal(inSync(cluster), "bc");
  assert.equal(cluster.primary, "b");
});
