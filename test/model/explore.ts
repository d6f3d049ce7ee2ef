/** Depth first through every order of moves, each state once. What breaks ends it, with the moves that led there. */
import type { Bound } from "./bounds.js";
import { digestOf } from "./digest.js";
import { firstWorld } from "./first-world.js";
import { type Move, moved, movesOf, toldMove } from "./moves.js";
import { Seen } from "./seen.js";
import { OutOfBound, type World } from "./world.js";

/** What came of it. */
export interface Explored {
  readonly bound: string;
  readonly states: number;
  readonly steps: number;
  readonly depth: number;
  /** Moves that left the bound. */
  readonly cut: number;
  /** Whether every state within the bound was met. */
  readonly isComplete: boolean;
  /** What broke, and how; null where nothing did. */
  readonly broken: { readonly what: string; readonly story: readonly string[] } | null;
}

interface Level {
  readonly world: World;
  readonly moves: readonly Move[];
  next: number;
}

/** @param statesMax it gives up beyond so many states */
export function explore(bound: Bound, statesMax: number = Number.POSITIVE_INFINITY): Explored {
  const seen = new Seen();
  const stack: Level[] = [];
  const figures = { steps: 0, depth: 0, cut: 0 };
  const enter = (world: World): void => {
    const { high, low } = digestOf(world, bound.replicas);
    if (!seen.add(high, low)) return;
    stack.push({ world, moves: movesOf(world, bound), next: 0 });
    figures.depth = Math.max(figures.depth, stack.length);
  };
  const first = firstWorld(bound);
  enter(first);
  while (stack.length > 0 && seen.count < statesMax) {
    const level = stack.at(-1);
    const move = level?.moves[level.next];
    if (level === undefined || move === undefined) {
      stack.pop();
      continue;
    }
    level.next++;
    figures.steps++;
    try {
      enter(moved(level.world, move, bound));
    } catch (error) {
      if (!(error instanceof OutOfBound)) return { ...result(), isComplete: false, broken: told(stack, error) };
      figures.cut++;
    }
  }
  return result();

  function result(): Explored {
    return { bound: bound.name, states: seen.count, ...figures, isComplete: stack.length === 0, broken: null };
  }
}

function told(stack: readonly Level[], error: unknown): Explored["broken"] {
  const story = stack.map(({ world, moves, next }) => {
    const move = moves[next - 1];
    return move === undefined ? "" : toldMove(move, world);
  });
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { what, story };
}
