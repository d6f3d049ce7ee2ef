/** A shard's way to where it should be, step by step. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Move, nextMove } from "../../src/placement/next-move.js";
import type { Configuration } from "../../src/words/configuration.js";
import type { Goal } from "../../src/words/goal.js";
import { epoch, shardIndex } from "../../src/words/ids.js";

const SHARD = shardIndex(4);

function standing(change: Partial<Configuration>): Configuration {
  const abc = ["a", "b", "c"];
  return { shard: SHARD, epoch: epoch(3), era: 0, primary: "a", inSync: abc, replicas: abc, nonce: "x", ...change };
}

/** What becomes of the configuration when the move is done; a learner that is waited for comes in sync. */
function moved(before: Configuration, move: Move): Configuration {
  switch (move.kind) {
    case "name":
      return { ...before, replicas: move.replicas };
    case "wait":
      return { ...before, inSync: [...before.inSync, ...move.for] };
    case "hand-over":
      return { ...before, primary: move.to };
    case "let-go":
      return { ...before, replicas: move.replicas, inSync: move.replicas };
    case "done":
      return before;
  }
}

function wayTo(goal: Goal, from: Configuration): readonly Move["kind"][] {
  const kinds: Move["kind"][] = [];
  for (let at = from; kinds.at(-1) !== "done"; ) {
    const move = nextMove(at, goal);
    kinds.push(move.kind);
    at = moved(at, move);
    assert.ok(at.inSync.includes(at.primary) && at.inSync.length >= 3 && kinds.length < 10);
  }
  return kinds;
}

test("a shard that moves away from its primary is copied first, then handed over, then let go", () => {
  const goal = { shard: SHARD, primary: "d", replicas: ["b", "c", "d"] };
  assert.deepEqual(wayTo(goal, standing({})), ["name", "wait", "hand-over", "let-go", "done"]);
  assert.deepEqual(nextMove(standing({}), goal), { kind: "name", replicas: ["a", "b", "c", "d"] });
});

test("office alone is handed over at once, to a member that is in sync", () => {
  const goal = { shard: SHARD, primary: "b", replicas: ["c", "b", "a"] };
  assert.deepEqual(wayTo(goal, standing({})), ["hand-over", "done"]);
  assert.deepEqual(nextMove(standing({ inSync: ["a", "c"] }), goal), { kind: "wait", for: ["b"] });
});

test("nothing is let go while a replica that is to stay is behind", () => {
  const goal = { shard: SHARD, primary: "a", replicas: ["a", "b"] };
  assert.deepEqual(nextMove(standing({ inSync: ["a", "c"] }), goal), { kind: "wait", for: ["b"] });
  assert.deepEqual(nextMove(standing({}), goal), { kind: "let-go", replicas: ["a", "b"] });
});
