/** In which orders replicas may be named: by their look, and where two look alike, both ways. */
import { NAMES, nodeAt, type World } from "./world.js";

const ROLES = ["none", "learner", "backup", "taking-over", "primary"];

/** Orders of the replicas that are in the bound, best first; never none. */
export function ordersOf(world: World, replicas: number): readonly (readonly number[])[] {
  const looks = NAMES.slice(0, replicas).map((_, index) => ({ index, look: lookOf(world, index) }));
  looks.sort((one, other) => other.look - one.look);
  let orders: (readonly number[])[] = [[]];
  for (let from = 0; from < looks.length; ) {
    const { look } = looks[from] ?? { look: 0 };
    const alike = looks.filter((one) => one.look === look).map(({ index }) => index);
    orders = orders.flatMap((order) => permutations(alike).map((next) => [...order, ...next]));
    from += alike.length;
  }
  return orders;
}

function lookOf({ configuration, ...world }: World, index: number): number {
  const name = NAMES[index] ?? "";
  const { state, disk } = nodeAt({ configuration, ...world }, index);
  let look = configuration.primary === name ? 1 : 0;
  look = look * 2 + (configuration.inSync.includes(name) ? 1 : 0);
  look = look * 8 + disk.entries.length;
  if (state === null) return look;
  look = look * 8 + ROLES.indexOf(state.role) + 1;
  look = look * 8 + (state.configuration?.epoch ?? 0);
  look = look * 8 + state.tail.length;
  look = look * 2 + (state.candidacy.sinceMs < 0 ? 0 : 1);
  return look * 4 + Math.sign(state.heardMs - state.nowMs) + 1;
}

function permutations(of: readonly number[]): readonly (readonly number[])[] {
  if (of.length < 2) return [of];
  return of.flatMap((first) => permutations(of.filter((other) => other !== first)).map((rest) => [first, ...rest]));
}
