/** A cluster at the mercy of a seed: frames, disks, processes, connections and the control plane in any order. */
import type { ReplicationSettings } from "../../src/replication/settings.js";
import { lsn } from "../../src/words/ids.js";
import { Cluster } from "./cluster-driver.js";
import { WatchOver } from "./watch-over.js";

/** Numbers from a seed (mulberry32). */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  /** From 0 to below `count`. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * count);
  }
  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }
}

const NAMES = ["a", "b", "c"];

export interface Run {
  readonly cluster: Cluster;
  readonly watch: WatchOver;
}

/** One run of `steps` random steps; throws what is broken. */
export function randomRun(seed: number, steps: number): Run {
  const dice = new Dice(seed);
  const settings: Partial<ReplicationSettings> = {
    learnerSteadyMs: dice.pick([100, 1_000]),
    tailKeptBytes: dice.pick([0, 1_000, 2 ** 18]),
    unacknowledgedBytesMax: dice.pick([100, 1_000, 2 ** 20]),
    controlRetryMs: dice.pick([100, 500]),
    digestEveryEvents: 20,
  };
  const first = dice.below(4) === 0 ? { inSync: ["a", "b"] } : {};
  const cluster = new Cluster(first, settings);
  const watch = new WatchOver(cluster);
  const faults = { crash: dice.below(2), break: dice.below(2), control: dice.below(2), disk: dice.below(2) };
  cluster.heal();
  cluster.run(dice.pick([0, 300, 600]));
  for (let count = 0; count < steps; count++) step(cluster, dice, faults);
  return { cluster, watch };
}

interface Faults {
  readonly crash: number;
  readonly break: number;
  readonly control: number;
  readonly disk: number;
}

function step(cluster: Cluster, dice: Dice, faults: Faults): void {
  const name = dice.pick(NAMES);
  const other = dice.pick(NAMES.filter((one) => one !== name));
  const what = dice.below(100);
  if (what < 35) {
    turn(cluster, name, dice);
  } else if (what < 55) {
    for (let count = dice.below(4); count >= 0; count--) cluster.deliver(name, other);
  } else if (what < 70) {
    cluster.sync(name, faults.disk === 1 ? dice.below(4) : Number.POSITIVE_INFINITY);
  } else if (what < 80) {
    // Requests overtake each other: one may be applied after any number of reads, or answered and not heard of.
    if (faults.control === 0) cluster.controlActs(true);
    else if (dice.below(3) > 0) cluster.controlActs(dice.below(4) > 0, dice.below(cluster.control.asked.length));
  } else if (what < 90) {
    cluster.exchange(dice.below(2));
  } else if (what < 92) {
    if (dice.below(4) > 0) return;
    cluster.member(name).inputs.push({ kind: "hand-over", to: other });
  } else {
    fault(cluster, dice, faults);
  }
}

function turn(cluster: Cluster, name: string, dice: Dice): void {
  const member = cluster.member(name);
  member.nowMs += dice.pick([0, 10, 50, 300, 1_000]);
  cluster.turn(name, dice.below(3));
}

function fault(cluster: Cluster, dice: Dice, faults: Faults): void {
  const name = dice.pick(NAMES);
  const other = dice.pick(NAMES.filter((one) => one !== name));
  const member = cluster.member(name);
  switch (dice.below(7)) {
    case 0:
      if (faults.crash === 1 && member.replica !== null) cluster.crash(name, dice.below(member.disk.waitingCount + 1));
      return;
    case 1:
      if (member.replica === null) cluster.start(name);
      return;
    case 2:
      if (faults.break === 1) cluster.disconnect(name, other, dice.pick(["closed", "timed-out"]));
      return;
    case 3:
      cluster.connect(name, other);
      return;
    case 4: {
      const late = cluster.late.splice(dice.below(cluster.late.length + 1), 1)[0];
      if (late !== undefined) cluster.arrive(late.from, late.to, late.frame);
      return;
    }
    case 5: {
      const { asked } = cluster.control;
      const repeated = asked[dice.below(asked.length + 1)];
      // The same request reaches the control plane again, or much later.
      if (faults.control === 1 && repeated !== undefined) asked.push(repeated);
      return;
    }
    default:
      member.disk.dropUpTo(lsn(Math.min(member.replica?.state.committed ?? 0, member.disk.found().committed)));
  }
}
