/**
 * Faults that lose what was synced on a disk. Each asks the planner first, and happens only while no process has the
 * store, as somebody swaps a disk or a sector goes bad while the machine is down.
 */
import { unreachable } from "../../../src/words/assert.js";
import type { Disk, DiskCopy } from "./disk.js";
import type { Planner } from "./planner.js";
import type { World } from "./world.js";

/** Ways in which a store loses what it had; each is a fault of a swarm. */
export const LOSSES = ["wal-cut", "bit-flip", "store-lost", "store-older"] as const;
export type Loss = (typeof LOSSES)[number];

/** Strikes disks, as far as the planner lets it. */
export class Losses {
  readonly #world: World;
  readonly #planner: Planner;
  readonly #copies = new Map<string, DiskCopy>();

  constructor(world: World, planner: Planner) {
    this.#world = world;
    this.#planner = planner;
  }

  /** Keeps a copy of what is on a disk now, to be found there again by `store-older`. */
  keepCopy(disk: Disk): void {
    const copy = disk.copy();
    if (copy !== null) this.#copies.set(disk.name, copy);
  }

  /** Lets one loss befall a disk that no process has. Answers whether it did. */
  strike(disk: Disk, loss: Loss): boolean {
    if (disk.isLocked || !disk.isMade) return false;
    if (!this.#planner.mayDestroy(disk.name)) return this.#planner.ask(disk.name); // Counted as spared.
    if (!this.#world.decide(`${disk.name}/${loss}`, true) || !this.#happens(disk, loss)) return false;
    this.#planner.ask(disk.name);
    this.#world.sometimes(`a disk met ${loss}`, true);
    return true;
  }

  #happens(disk: Disk, loss: Loss): boolean {
    const { random } = disk;
    switch (loss) {
      case "wal-cut": {
        const isMarkLost = random.chance(0.5);
        const lost = disk.cutShort(1 + random.below(20));
        if (lost > 0 && isMarkLost) disk.loseMark();
        return lost > 0;
      }
      case "bit-flip":
        return disk.flipBit();
      case "store-lost":
        disk.replaceBy(null);
        return true;
      case "store-older": {
        const copy = this.#copies.get(disk.name);
        if (copy !== undefined) disk.replaceBy(copy);
        return copy !== undefined;
      }
      default:
        return unreachable(loss);
    }
  }
}
