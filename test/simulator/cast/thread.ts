/**
 * One thread of a node's process: it does one thing at a time, and may be held up in the middle of a turn while the other
 * threads go on. What comes meanwhile waits for it in order.
 */
import type { Host } from "../world/connection.js";
import type { Machine } from "../world/machine.js";
import type { World } from "../world/world.js";

/** A thread lives as long as the process in which it was made. */
export class Thread implements Host {
  readonly name: string;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #life: number;
  #isBusy = false;
  #deferred: (() => void)[] = [];

  constructor(world: World, machine: Machine) {
    this.#world = world;
    this.#machine = machine;
    this.#life = machine.life;
    this.name = machine.name;
  }

  get isUp(): boolean {
    return this.#machine.isUp && this.#machine.life === this.#life;
  }

  whenAwake(act: () => void): void {
    if (!this.isUp) return;
    this.#machine.whenAwake(() => {
      if (!this.isUp) return;
      if (this.#isBusy) this.#deferred.push(act);
      else act();
    });
  }

  /** Does nothing else for so many microseconds of true time, then `act`, then what has waited. */
  holdUp(us: number, act: () => void): void {
    this.#isBusy = true;
    this.#world.in(us, () => {
      if (!this.isUp) return;
      this.#machine.whenAwake(() => {
        if (!this.isUp) return;
        this.#isBusy = false;
        act();
        this.#goOn();
      });
    });
  }

  #goOn(): void {
    while (!this.#isBusy && this.isUp) {
      const act = this.#deferred.shift();
      if (act === undefined) return;
      act();
    }
  }
}
