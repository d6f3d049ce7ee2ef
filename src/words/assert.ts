/**
 * Assertions stay on in production: a broken one is our bug, and the shard that trips it stops (worker/turn.ts catches
 * it). No input from outside may trip one.
 */
export class BrokenInvariant extends Error {
  override readonly name = "BrokenInvariant";
}

/**
 * States what must hold. `message` opens with the rule or invariant that it guards.
 * @throws BrokenInvariant if `condition` is false.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BrokenInvariant(message);
}

/** For reads of typed arrays: an index that no table has is our bug. @throws BrokenInvariant always. */
export function outOfRange(index: number): never {
  throw new BrokenInvariant(`row ${index} is outside its table`);
}

/** Ends a `switch` over a union: a new kind does not compile before each reader knows it. */
export function unreachable(value: never): never {
  throw new BrokenInvariant(`not a known kind: ${JSON.stringify(value)}`);
}
