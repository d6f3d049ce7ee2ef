/**
 * One direction between two hosts, as a network treats it: how long a message takes, whether it waits (a clog), whether
 * nothing comes through at all (a partition of this direction). What is sent into a cut link is not lost, since TCP sends
 * it again when the link is whole: it comes late, or its connection ends first.
 */
import type { Random } from "./random.js";
import type { World } from "./world.js";

/** How one direction of a link behaves while nothing is wrong with it. */
export interface LinkWeather {
  readonly medianUs: number;
  readonly maxUs: number;
  /** Microseconds that one byte takes; 0: as many at once as one likes. */
  readonly usPerByte: number;
}

/** Something that waits for a link. */
export interface Waiter {
  /** The link lets something through again. */
  pump(): void;
}

/** From one host to another. */
export class Link {
  readonly name: string;
  weather: LinkWeather;
  readonly #world: World;
  readonly #random: Random;
  readonly #waiting = new Set<Waiter>();
  #clogUntilUs = 0;
  #isCut = false;

  constructor(world: World, name: string, weather: LinkWeather) {
    this.name = name;
    this.weather = weather;
    this.#world = world;
    this.#random = world.random(`link/${name}`);
  }

  /** Whether nothing comes through. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Nothing comes through before this true time. */
  get clogUntilUs(): number {
    return this.#clogUntilUs;
  }

  /** Draws how long one message of `size` bytes takes. */
  delayUs(size: number): number {
    const { medianUs, maxUs, usPerByte } = this.weather;
    return this.#random.longTail(medianUs, maxUs) + Math.floor(size * usPerByte);
  }

  /** Cuts this direction. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#world.tell(() => `link ${this.name}: cut`);
  }

  /** Ends a cut and a clog. */
  heal(): void {
    const isChanged = this.#isCut || this.#clogUntilUs > this.#world.nowUs;
    this.#isCut = false;
    this.#clogUntilUs = 0;
    if (!isChanged) return;
    this.#world.tell(() => `link ${this.name}: whole`);
    this.#wakeAll();
  }

  /** Holds all messages back until a true time; they come in order then, all at once. */
  clog(untilUs: number): void {
    this.#clogUntilUs = Math.max(this.#clogUntilUs, untilUs);
    this.#world.tell(() => `link ${this.name}: clogged until ${untilUs} us`);
  }

  /** Calls `waiter.pump` when this link has been healed. */
  awaitHealing(waiter: Waiter): void {
    this.#waiting.add(waiter);
  }

  #wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.pump();
  }
}
