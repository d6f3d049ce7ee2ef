/** Where a bound begins: replicas that were started, connected, and have come to their first office, with nothing going on. */
import { epoch, shardIndex } from "../../src/words/ids.js";
import type { Configuration } from "../../src/words/configuration.js";
import type { Bound } from "./bounds.js";
import { EMPTY_DISK } from "./disk.js";
import { moved, movesOf, started } from "./moves.js";
import { NAMES, type Node, nodeAt, type World } from "./world.js";

const SETTLED_IN = 1_000;

export function firstWorld(bound: Bound): World {
  const replicas = NAMES.slice(0, bound.replicas);
  const inSync = replicas.slice(0, bound.inSync);
  const configuration: Configuration = {
    shard: shardIndex(0),
    epoch: epoch(1),
    era: 0,
    primary: "a",
    inSync,
    replicas,
    nonce: "first",
  };
  const free = { isWaiting: false, token: 0, hasAsked: false };
  const nothing = Object.fromEntries(Object.keys(bound.budget).map((key) => [key, 0]));
  let world: World = {
    nodes: NAMES.map(() => unborn(configuration)),
    channels: NAMES.flatMap(() => NAMES.map(() => [])),
    configuration,
    asked: [],
    clients: [free, free],
    budget: { ...bound.budget, ...nothing },
    books: { committed: [], made: [], served: [], token: 0, ended: 0 },
  };
  // Learners are down: they start within the bound. The configured primary comes last: it asks around at once, and needs answers.
  for (let at = bound.inSync - 1; at >= 0; at--) world = started(world, at, bound);
  return { ...settled(world, bound), budget: bound.budget };
}

function unborn(configuration: Configuration): Node {
  const disk = { ...EMPTY_DISK, remembered: configuration };
  return {
    state: null,
    disk,
    links: NAMES.map(() => null),
    marks: [],
    replies: [],
    isDue: false,
    isSpoilt: false,
    life: 0,
  };
}

/** Everything that is under way arrives, until nothing is. */
function settled(first: World, bound: Bound): World {
  let world = first;
  for (let count = 0; count < SETTLED_IN; count++) {
    const move = movesOf(world, bound).find(({ kind }) => kind !== "start");
    if (move === undefined) {
      if (nodeAt(world, 0).state?.isServing !== true) throw new Error(`${bound.name}: nobody has come to office`);
      return world;
    }
    world = moved(world, move, bound);
  }
  throw new Error(`${bound.name}: no rest after ${SETTLED_IN} moves`);
}
