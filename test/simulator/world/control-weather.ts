/**
 * What befalls the control plane in the safety phase: it is away for all, or for one node, or slow, and by its profile
 * goes back in time. What happens to single requests lies in its settings (control-plane.ts).
 */
import type { ControlPlane } from "./control-plane.js";
import type { Random } from "./random.js";
import type { Fault } from "./swarm.js";
import type { World } from "./world.js";

/** What may be struck. */
export interface ControlWeatherParts<C> {
  readonly world: World;
  readonly plane: ControlPlane<C>;
  /** Names of those who ask it. */
  readonly askers: readonly string[];
  /** The swarm's strengths, 0 to 1. */
  readonly faults: Readonly<Record<Fault, number>>;
}

/** A fault of strength 1 comes about so often. */
const EVERY_US = 4_000_000;
const LASTS_MEDIAN_US = 2_000_000;
const LASTS_MAX_US = 60_000_000;

/** Strikes the control plane until it is healed. */
export class ControlWeather<C> {
  readonly #parts: ControlWeatherParts<C>;
  #isHealed = false;

  constructor(parts: ControlWeatherParts<C>) {
    this.#parts = parts;
    const { plane, askers } = parts;
    this.#repeat("control-away", (random) => {
      plane.goAway();
      this.#end(random, () => plane.comeBack());
    });
    this.#repeat("control-slow", (random) => {
      plane.slowDown(random.pick([3, 30, 1_000]));
      this.#end(random, () => plane.comeBack());
    });
    this.#repeat("control-cut-off", (random) => {
      const asker = random.pick(askers);
      plane.cutOff(asker);
      this.#end(random, () => plane.reconnect(asker));
    });
    this.#repeat("control-back", (random) => plane.goBack(1 + random.below(5)));
  }

  /** An asker reaches the control plane no more. */
  cutOff(asker: string): void {
    this.#parts.plane.cutOff(asker);
  }

  /** It does again. */
  reconnect(asker: string): void {
    this.#parts.plane.reconnect(asker);
  }

  /** Ends all that lasts, and begins nothing more. */
  heal(): void {
    this.#isHealed = true;
    this.#parts.plane.heal();
  }

  #repeat(fault: Fault, act: (random: Random) => void): void {
    const { world, faults } = this.#parts;
    const strength = faults[fault];
    if (strength === 0) return;
    const random = world.random(`fault/${fault}`);
    const next = (): void => {
      world.in(random.between(1, Math.ceil((2 * EVERY_US) / strength)), () => {
        if (this.#isHealed) return;
        if (world.decide(`fault/${fault}`, true)) act(random);
        next();
      });
    };
    next();
  }

  #end(random: Random, act: () => void): void {
    this.#parts.world.in(random.longTail(LASTS_MEDIAN_US, LASTS_MAX_US), () => {
      if (!this.#isHealed) act();
    });
  }
}
