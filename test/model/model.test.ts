/** A short share of `make model`: halved bounds to their end, and three clauses whose absence must break something. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BOUNDS, boundNamed } from "./bounds.js";
import { CLAUSES } from "./clauses.js";
import { copyOfState } from "./copy.js";
import { digestOf } from "./digest.js";
import { explore } from "./explore.js";
import { firstWorld } from "./first-world.js";
import { moved, movesOf } from "./moves.js";
import { nodeAt } from "./world.js";
import { exploreWithout } from "./without.js";

for (const name of ["half-pair", "half-crash", "hand-over", "lost-tail", "half-trio"]) {
  test(`in every order of the bound "${name}" INV-1 to INV-5 hold`, () => {
    const found = explore(boundNamed(name));
    assert.equal(found.broken, null, JSON.stringify(found.broken, null, 2));
    assert.ok(found.isComplete);
    assert.ok(found.states > 50, `${found.states} states are too few to mean anything`);
  });
}

test("a learner whose log is of a lost era is not in sync before it has thrown that away (R-7, R-13)", () => {
  // Found in 15,460 states when a learner that had acknowledged nothing was taken for steady beside an empty log.
  const { broken } = explore(boundNamed("new-era"), 20_000);
  assert.equal(broken, null, JSON.stringify(broken, null, 2));
});

for (const says of [
  "an answer waits for a round that began after its request was read",
  "committed is what is on the own disk too",
  "a smaller epoch is refused",
]) {
  test(`without its clause a break is found: ${says}`, async () => {
    const clause = CLAUSES.find((one) => one.says === says);
    assert.ok(clause !== undefined);
    const { broken } = await exploreWithout(clause);
    assert.match(broken?.what ?? "nothing breaks", /INV-/);
    assert.ok((broken?.story.length ?? 0) > 3);
  });
}

test("every clause names a bound that there is", () => {
  for (const { bound, says } of CLAUSES)
    assert.ok(
      BOUNDS.some(({ name }) => name === bound),
      says,
    );
});

test("a world is not changed by its moves, and one move gives one digest whatever was explored before", () => {
  const bound = boundNamed("pair");
  let world = firstWorld(bound);
  for (let depth = 0; depth < 12; depth++) {
    const before = JSON.stringify(world);
    const moves = movesOf(world, bound);
    const worlds = moves.map((move) => moved(world, move, bound));
    assert.equal(JSON.stringify(world), before);
    const again = moves.map((move) => digestOf(moved(world, move, bound), bound.replicas));
    assert.deepEqual(
      worlds.map((next) => digestOf(next, bound.replicas)),
      again,
    );
    world = worlds[depth % worlds.length] ?? world;
  }
});

test("a copied state is equal and shares nothing that steps change", () => {
  const state = nodeAt(firstWorld(boundNamed("pair")), 0).state;
  assert.ok(state !== null);
  const copy = copyOfState(state);
  assert.deepEqual(copy, state);
  for (const [key, value] of Object.entries(copy)) {
    const isShared = ["configuration", "base", "pending"].includes(key);
    const theirs: unknown = Object.entries(state).find(([name]) => name === key)?.[1];
    if (typeof value === "object" && value !== null && !isShared) assert.notEqual(value, theirs, key);
  }
  for (const [at, peer] of copy.peers.entries()) {
    assert.notEqual(peer, state.peers[at]);
    assert.notEqual(peer.inFlight, state.peers[at]?.inFlight);
  }
});
