/**
 * One machine and the process on it: whether it is up, whether it can act, its clocks and its timers. All that reaches a
 * process (a message, the disk's answer, a timer) comes through `whenAwake`, so that one that is stopped gets it later,
 * in order, and one that has died never.
 */
import { assert } from "../../../src/words/assert.js";
import { Clocks } from "./clocks.js";
import type { Handle } from "./queue.js";
import type { Random } from "./random.js";
import type { World } from "./world.js";

/** Why a process does nothing: SIGSTOP (clocks run), a suspended machine, a paused virtual machine. */
export type Stop = "stopped" | "suspended" | "paused";

/** A timer that is set; give it to `cancelTimer`. */
export interface Timer {
  readonly dueUs: number;
  readonly act: () => void;
  handle: Handle;
}

/** One life of a process: whoever calls back later is given this, so that the next life never hears it. */
export interface Process {
  readonly name: string;
  /** Whether this very process lives. */
  readonly isUp: boolean;
  whenAwake(act: () => void): void;
}

/** How a machine is made. */
export interface MachineOptions {
  readonly name: string;
  readonly driftPpm: number;
  /** What its wall clock is ahead of true time at the beginning; negative: behind. */
  readonly wallAheadUs: number;
  /** A timer may come so much late; 0: on time, as soon as the process is awake. */
  readonly timerLateMaxUs: number;
}

/** The wall clock's year in a simulated world: it decides nothing, so any will do. */
const WALL_START_US = 1_700_000_000_000_000;

export class Machine {
  readonly name: string;
  readonly clocks: Clocks;
  readonly #world: World;
  readonly #random: Random;
  readonly #stops = new Set<Stop>();
  readonly #timers = new Set<Timer>();
  #timerLateMaxUs: number;
  #deferred: (() => void)[] = [];
  #process: Process | null = null;
  #life = 0;
  #isUp = false;

  constructor(world: World, options: MachineOptions) {
    this.name = options.name;
    this.#world = world;
    this.#random = world.random(`machine/${options.name}`);
    this.#timerLateMaxUs = options.timerLateMaxUs;
    this.clocks = new Clocks(world, {
      driftPpm: options.driftPpm,
      uptimeUs: this.#random.between(1_000_000, 1_000_000_000_000),
      wallUs: WALL_START_US + options.wallAheadUs,
    });
  }

  /** Whether a process lives on it. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Whether its process lives and can act now. */
  get isAwake(): boolean {
    return this.#isUp && this.#stops.size === 0;
  }

  /** Which process of this machine it is, from 1; one more with each start. */
  get life(): number {
    return this.#life;
  }

  /** Starts a process; there is none. Answers it. */
  start(): Process {
    assert(!this.#isUp, "a machine runs one process at a time");
    this.#life++;
    this.#isUp = true;
    this.#process = new Life(this, this.#life);
    this.#world.tell(() => `${this.name}: process ${this.#life} starts`);
    return this.#process;
  }

  /** The process that was started last. Give it, not the machine, to what answers later. */
  get process(): Process {
    assert(this.#process !== null, "a machine has a process once it was started");
    return this.#process;
  }

  /** Ends the process at this instant: nothing that was on its way to it is ever read. */
  kill(): void {
    this.#isUp = false;
    this.#deferred = [];
    for (const timer of this.#timers) this.#world.cancel(timer.handle);
    this.#timers.clear();
    if (this.#stops.delete("stopped")) this.#world.tell(() => `${this.name}: a stopped process is killed`);
    this.#world.tell(() => `${this.name}: process ${this.#life} is dead`);
  }

  /** The machine itself loses power: the process is dead, and the clocks begin anew. Disks and network are told apart. */
  losePower(): void {
    if (this.#isUp) this.kill();
    this.#stops.clear();
    this.clocks.restart();
  }

  /** Calls `act` now if the process is awake, else when it wakes, in the order of the calls; never if it dies first. */
  whenAwake(act: () => void): void {
    if (!this.#isUp) return;
    if (this.#stops.size === 0 && this.#deferred.length === 0) act();
    else this.#deferred.push(act);
  }

  /** Stops the process until `go`; several reasons add up. */
  halt(why: Stop): void {
    if (this.#stops.has(why)) return;
    this.#stops.add(why);
    if (why === "suspended") this.clocks.suspend();
    if (why === "paused") this.clocks.pause();
    if (why !== "stopped") this.#rearm();
    this.#world.tell(() => `${this.name}: ${why}`);
  }

  /** Ends one reason; when none is left, the process does what has waited. */
  go(why: Stop): void {
    if (!this.#stops.delete(why)) return;
    if (why === "suspended") this.clocks.resume();
    if (why === "paused") this.clocks.unpause();
    if (why !== "stopped") this.#rearm();
    this.#world.tell(() => `${this.name}: no longer ${why}`);
    if (this.#stops.size === 0) this.#world.in(0, () => this.#catchUp());
  }

  /** Ends every reason. */
  goOn(): void {
    for (const why of [...this.#stops]) this.go(why);
  }

  /** Changes the rate of all clocks. */
  setDrift(driftPpm: number): void {
    this.clocks.setDrift(driftPpm);
    this.#rearm();
  }

  /** Changes how late timers may come. */
  setTimerLateMax(timerLateMaxUs: number): void {
    this.#timerLateMaxUs = timerLateMaxUs;
  }

  /**
   * Calls `act` once the monotonic clock has gone on by `delayUs`, and some time late. A suspended machine's timers wait
   * with its clock.
   */
  setTimer(delayUs: number, act: () => void): Timer {
    const isLate = this.#world.decide(`${this.name}/timer-late`, this.#isTimerLate());
    const lateUs = isLate ? this.#random.below(this.#timerLateMaxUs) : 0;
    const timer: Timer = { dueUs: this.clocks.monotonicUs + delayUs + lateUs, act, handle: 0 };
    this.#timers.add(timer);
    this.#arm(timer);
    return timer;
  }

  /** Takes a timer back; nothing happens if it has rung. */
  cancelTimer(timer: Timer): void {
    if (!this.#timers.delete(timer)) return;
    this.#world.cancel(timer.handle);
  }

  #isTimerLate(): boolean {
    return this.#timerLateMaxUs > 0 && this.#random.chance(TIMER_LATE);
  }

  #arm(timer: Timer): void {
    const timeUs = this.clocks.trueTimeOf(timer.dueUs);
    timer.handle = timeUs === Number.POSITIVE_INFINITY ? 0 : this.#world.at(timeUs, () => this.#ring(timer));
  }

  #ring(timer: Timer): void {
    this.whenAwake(() => {
      if (this.#timers.delete(timer)) timer.act();
    });
  }

  #rearm(): void {
    for (const timer of this.#timers) {
      this.#world.cancel(timer.handle);
      this.#arm(timer);
    }
  }

  /** One act after the other: the process may be stopped again, or die, in the middle. */
  #catchUp(): void {
    while (this.#stops.size === 0 && this.#isUp) {
      const act = this.#deferred.shift();
      if (act === undefined) return;
      act();
    }
  }
}

class Life implements Process {
  readonly name: string;
  readonly #machine: Machine;
  readonly #life: number;

  constructor(machine: Machine, life: number) {
    this.name = machine.name;
    this.#machine = machine;
    this.#life = life;
  }

  get isUp(): boolean {
    return this.#machine.isUp && this.#machine.life === this.#life;
  }

  whenAwake(act: () => void): void {
    if (this.#machine.life === this.#life) this.#machine.whenAwake(act);
  }
}

/** So often is a timer late, in seeds that have late ones. */
const TIMER_LATE = 0.02;
