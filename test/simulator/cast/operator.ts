/**
 * The hands of an operator in a cluster: hands offices over, swaps a disk that has lost everything for an empty one, and
 * names the new store in the place of the lost one. No loss takes the last whole copy of a shard (planner.ts).
 */
import { epoch } from "../../../src/words/ids.js";
import type { Configuration } from "../../../src/words/configuration.js";
import type { ControlPlane } from "../world/control-plane.js";
import { Losses } from "../world/losses.js";
import { Planner } from "../world/planner.js";
import type { Random } from "../world/random.js";
import type { World } from "../world/world.js";
import type { SimulatedMember } from "./member.js";

/** What an operator sees and reaches. */
export interface OperatorParts {
  readonly world: World;
  readonly plane: ControlPlane<Configuration>;
  readonly members: readonly SimulatedMember[];
  readonly shards: number;
}

/** How often it looks whether a store is to be named anew. */
const LOOK_US = 1_500_000;
const RESTART_MEDIAN_US = 300_000;
const LEAVES_AFTER_US = 200_000;

export class Operator {
  readonly #parts: OperatorParts;
  #nonces = 0;
  #isLooking = false;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  /** A shard's primary is told to give its office to another member (hand-over). */
  handOver(random: Random): void {
    const { members, shards, world } = this.#parts;
    const shard = random.below(shards);
    const configuration = this.#configurationOf(shard);
    const others = configuration?.inSync.filter((name) => name !== configuration.primary) ?? [];
    if (configuration === null || others.length === 0) return;
    const to = random.pick(others);
    world.sometimes("an office is handed over", true);
    for (const member of members) {
      if (member.replicaOf(shard) !== configuration.primary) continue;
      member.told(shard, { kind: "hand-over", to });
      world.in(LEAVES_AFTER_US, () => member.told(shard, { kind: "leave" })); // As a node does that is about to stop.
    }
  }

  /** A machine goes down, and comes back with an empty disk, if every shard has a whole copy elsewhere. */
  loseStore(random: Random): void {
    const { world, plane, members } = this.#parts;
    const member = random.pick(members);
    if (!member.machine.isUp) return;
    member.kill(true);
    // What it has asked for and what is under way would be written in the name of a copy that is gone.
    if (!plane.hasChangeOf(member.name)) {
      const disk = random.pick(member.disks);
      if (new Losses(world, this.#planner()).strike(disk, "store-lost")) {
        if (!disk.isMade) member.lostStore(disk);
        this.#look();
      }
    }
    member.startLater(RESTART_MEDIAN_US);
  }

  #planner(): Planner {
    const { world, members, shards } = this.#parts;
    const planner = new Planner(world, 1);
    for (let shard = 0; shard < shards; shard++) {
      for (const name of this.#configurationOf(shard)?.inSync ?? []) {
        const disks = members.find((member) => member.replicaOf(shard) === name)?.disks ?? [];
        const disk = disks[shard % disks.length];
        if (disk !== undefined) planner.noteWhole(shard, disk.name);
      }
    }
    return planner;
  }

  #configurationOf(shard: number): Configuration | null {
    return this.#parts.plane.peek(shard).configuration;
  }

  /** Looks until every lost store has its successor in each of its shards' configurations, and in sync. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#parts.world.in(LOOK_US, () => {
      this.#isLooking = false;
      let isLeft = false;
      for (let shard = 0; shard < this.#parts.shards; shard++) if (!this.#replaceIn(shard)) isLeft = true;
      if (isLeft) this.#look();
    });
  }

  /** Answers whether nothing is left to do. A lost store that is still the primary waits until others take office. */
  #replaceIn(shard: number): boolean {
    const { plane, members, world } = this.#parts;
    const configuration = this.#configurationOf(shard);
    if (configuration === null) return true;
    const { replicas, inSync, primary } = configuration;
    const names = members.map((member) => member.replicaOf(shard));
    if (replicas.every((name) => names.includes(name))) return this.#isBack(configuration);
    if (plane.isAway || !names.includes(primary)) return false;
    const nonce = `operator ${++this.#nonces}`;
    world.tell(() => `operator: names the new stores of shard ${shard}`);
    plane.put(shard, {
      ...configuration,
      epoch: epoch(configuration.epoch + 1),
      replicas: names,
      inSync: inSync.filter((name) => names.includes(name)),
      nonce,
    });
    world.sometimes("a lost store has its successor", true);
    return false;
  }

  /** Whether all are in sync again. */
  #isBack({ replicas, inSync }: Configuration): boolean {
    const isBack = replicas.every((name) => inSync.includes(name));
    this.#parts.world.sometimes("a lost store's successor is in sync", isBack && replicas.some(isSuccessor));
    return isBack;
  }
}

/** Names of stores on disks that have lost one end in a count (member.ts). */
function isSuccessor(name: string): boolean {
  return name.includes(".");
}
