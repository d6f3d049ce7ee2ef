/**
 * The control plane of a simulated cluster: one configuration for each shard, changed by compare-and-swap on its
 * revision, and all that a real consensus store does to who asks it: it is slow or away, applies a change and does not
 * say so, applies it after the asker gave up and after others have read, says that a comparison failed though it was
 * its own change that it compared with, tells watchers late and twice, and (by its profile) goes back in time.
 * `C` is what a configuration is; the world never looks into one.
 */
import { assert } from "../../../src/words/assert.js";
import type { Random } from "./random.js";
import type { World } from "./world.js";

/** What the control plane has of one shard. */
export interface Entry<C> {
  readonly shard: number;
  /** Larger with each change of anything; 0: the shard has no configuration. */
  readonly revision: number;
  readonly configuration: C | null;
}

/** What may be asked. */
export type ControlRequest<C> =
  | { readonly kind: "read"; readonly shard: number }
  | { readonly kind: "read-all" }
  | {
      readonly kind: "compare-and-swap";
      readonly shard: number;
      readonly expectedRevision: number;
      readonly next: C;
    };

/** What may be answered. `unknown`, and a failed comparison too, leave open whether the change was made. */
export type ControlAnswer<C> =
  | { readonly kind: "entry"; readonly entry: Entry<C> }
  | { readonly kind: "entries"; readonly entries: readonly Entry<C>[] }
  | { readonly kind: "swapped"; readonly entry: Entry<C> }
  | { readonly kind: "comparison-failed"; readonly entry: Entry<C> }
  | { readonly kind: "unknown"; readonly why: "timed-out" | "unreachable" };

/** Who asks: answers reach it when its process is awake, and never if it has died. */
export interface Asker {
  readonly name: string;
  whenAwake(act: () => void): void;
}

/** What a control plane is like for one seed. Probabilities are for each request or change. */
export interface ControlSettings {
  readonly medianUs: number;
  readonly maxUs: number;
  /** An asker that has no answer by then is told `unknown`. */
  readonly timeOutUs: number;
  /** A change is applied, and never answered. */
  readonly unanswered: number;
  /** A change is applied up to `lateMaxUs` later, whatever the asker was told. */
  readonly late: number;
  readonly lateMaxUs: number;
  /** A change is applied, and its second try by the client library is what is answered: "comparison failed". */
  readonly falseFailure: number;
  /** A watcher is told once more, later. */
  readonly repeated: number;
  /** A watcher is told up to `watchMaxUs` late. */
  readonly watchMaxUs: number;
}

/** A control plane of which nothing is wrong; good for tests. */
export const CALM_CONTROL: ControlSettings = {
  medianUs: 2_000,
  maxUs: 500_000,
  timeOutUs: 2_000_000,
  unanswered: 0,
  late: 0,
  lateMaxUs: 0,
  falseFailure: 0,
  repeated: 0,
  watchMaxUs: 0,
};

interface Watch<C> {
  readonly asker: Asker;
  readonly take: (entry: Entry<C>) => void;
  lastUs: number;
}

/** One simulated consensus store. */
export class ControlPlane<C> {
  readonly #world: World;
  readonly #settings: ControlSettings;
  readonly #random: Random;
  readonly #entries = new Map<number, Entry<C>>();
  readonly #history: Entry<C>[] = [];
  readonly #watches = new Set<Watch<C>>();
  readonly #cutOff = new Set<string>();
  /** Told at the instant of each change; for checkers. */
  onWritten: (shard: number) => void = () => undefined;
  /** Changes that were asked for and may still be written, by asker. */
  readonly #underWay = new Map<string, number>();
  #revision = 0;
  #isAway = false;
  #delayFactor = 1;

  constructor(world: World, settings: ControlSettings) {
    this.#world = world;
    this.#settings = settings;
    this.#random = world.random("control-plane");
  }

  /** Every change in the order in which it was made; lent. For checkers. */
  get history(): readonly Entry<C>[] {
    return this.#history;
  }

  /** Whether it answers nobody. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** What it has of a shard at this instant; for checkers, and for who sets up a cluster. */
  peek(shard: number): Entry<C> {
    return this.#entries.get(shard) ?? { shard, revision: 0, configuration: null };
  }

  /** Writes a first configuration, before anybody asks. */
  preset(shard: number, configuration: C): void {
    assert(this.peek(shard).revision === 0, "a first configuration has none before it");
    this.#write(shard, configuration);
  }

  /** Writes a configuration at this instant, as an operator who compares first; what others compare with is old then. */
  put(shard: number, configuration: C): void {
    this.#write(shard, configuration);
  }

  /** Whether a change that this asker wants may still be written. */
  hasChangeOf(name: string): boolean {
    return (this.#underWay.get(name) ?? 0) > 0;
  }

  /** Asks; `answer` is called once, with what happened or with `unknown` when the time is out. */
  request(asker: Asker, request: ControlRequest<C>, answer: (answer: ControlAnswer<C>) => void): void {
    let isAnswered = false;
    const say = (said: ControlAnswer<C>): void => {
      asker.whenAwake(() => {
        if (isAnswered) return;
        isAnswered = true;
        answer(said);
      });
    };
    const { timeOutUs } = this.#settings;
    const isChange = request.kind === "compare-and-swap";
    if (!this.#reaches(asker) && this.#random.chance(0.5)) {
      this.#world.in(this.#delayUs(), () => say({ kind: "unknown", why: "unreachable" })); // Refused: not even sent.
      return;
    }
    if (isChange) this.#count(asker.name, 1);
    this.#world.in(timeOutUs, () => say({ kind: "unknown", why: "timed-out" }));
    this.#world.in(this.#delayUs(), () => this.#arrive(asker, request, say));
  }

  /**
   * Tells of every change from now on, in its order, though late and at times again. Answers how to stop it.
   * After an absence of the control plane nothing is made up for: a watcher reads anew by itself.
   */
  watch(asker: Asker, take: (entry: Entry<C>) => void): () => void {
    const watch: Watch<C> = { asker, take, lastUs: 0 };
    this.#watches.add(watch);
    return () => {
      this.#watches.delete(watch);
    };
  }

  /** It is away for everybody: requests end unknown, and some that are on their way are applied when it is back. */
  goAway(): void {
    this.#isAway = true;
    this.#world.tell(() => "control plane: away");
  }

  /** It is back. */
  comeBack(): void {
    this.#isAway = false;
    this.#delayFactor = 1;
    this.#world.tell(() => "control plane: back");
  }

  /** All it does takes so many times as long, until it comes back. */
  slowDown(factor: number): void {
    this.#delayFactor = factor;
    this.#world.tell(() => `control plane: ${factor} times as slow`);
  }

  /** It is away for one asker. */
  cutOff(name: string): void {
    this.#cutOff.add(name);
    this.#world.tell(() => `control plane: away for ${name}`);
  }

  /** It is back for one asker. */
  reconnect(name: string): void {
    if (this.#cutOff.delete(name)) this.#world.tell(() => `control plane: back for ${name}`);
  }

  /** Everything is well again, but a change that is under way may still come late. */
  heal(): void {
    for (const name of [...this.#cutOff]) this.reconnect(name);
    if (this.#isAway || this.#delayFactor !== 1) this.comeBack();
  }

  /** Restored from an old copy: the last `count` changes never happened. Only by its profile. */
  goBack(count: number): void {
    const kept = this.#history.slice(0, Math.max(0, this.#history.length - count));
    this.#entries.clear();
    for (const entry of kept) this.#entries.set(entry.shard, entry);
    this.#revision = kept.at(-1)?.revision ?? 0; // As a restored etcd does: revisions come a second time.
    this.#history.splice(kept.length);
    this.#world.tell(() => `control plane: restored from a copy, ${count} changes are gone`);
  }

  #arrive(asker: Asker, request: ControlRequest<C>, say: (said: ControlAnswer<C>) => void): void {
    if (!this.#reaches(asker)) {
      const isLater = request.kind === "compare-and-swap" && this.#random.chance(this.#settings.late);
      const willBeWritten = this.#world.decide("control-plane/late", isLater);
      if (willBeWritten) this.#world.in(this.#lateUs(), () => this.#executeOf(asker, request));
      else if (request.kind === "compare-and-swap") this.#count(asker.name, -1);
      return;
    }
    if (request.kind !== "compare-and-swap") {
      this.#answer(asker, this.#execute(request), say);
      return;
    }
    const { unanswered, late, falseFailure } = this.#settings;
    const random = this.#random;
    const isLate = this.#world.decide("control-plane/late", random.chance(late));
    const isUnanswered = this.#world.decide("control-plane/unanswered", random.chance(unanswered));
    const isFalse = this.#world.decide("control-plane/false-failure", random.chance(falseFailure));
    this.#world.in(isLate ? this.#lateUs() : 0, () => {
      let said = this.#executeOf(asker, request);
      this.#world.sometimes("compare-and-swap applied after its time-out", isLate && said.kind === "swapped");
      if (isUnanswered) return;
      if (isFalse && said.kind === "swapped") said = { kind: "comparison-failed", entry: this.peek(request.shard) };
      this.#answer(asker, said, say);
    });
  }

  #answer(asker: Asker, said: ControlAnswer<C>, say: (said: ControlAnswer<C>) => void): void {
    this.#world.in(this.#delayUs(), () => {
      if (this.#reaches(asker)) say(said);
    });
  }

  #executeOf(asker: Asker, request: ControlRequest<C>): ControlAnswer<C> {
    this.#count(asker.name, -1);
    return this.#execute(request);
  }

  #count(name: string, by: number): void {
    this.#underWay.set(name, (this.#underWay.get(name) ?? 0) + by);
  }

  #execute(request: ControlRequest<C>): ControlAnswer<C> {
    switch (request.kind) {
      case "read":
        return { kind: "entry", entry: this.peek(request.shard) };
      case "read-all":
        return { kind: "entries", entries: [...this.#entries.values()].sort((one, other) => one.shard - other.shard) };
      case "compare-and-swap": {
        const before = this.peek(request.shard);
        if (before.revision !== request.expectedRevision) return { kind: "comparison-failed", entry: before };
        return { kind: "swapped", entry: this.#write(request.shard, request.next) };
      }
    }
  }

  #write(shard: number, configuration: C): Entry<C> {
    this.#revision++;
    const entry: Entry<C> = { shard, revision: this.#revision, configuration };
    this.#entries.set(shard, entry);
    this.#history.push(entry);
    this.#world.digest.fold(shard);
    this.#world.digest.fold(entry.revision);
    this.#world.tell(() => `control plane: shard ${shard} has ${JSON.stringify(configuration)}`);
    this.onWritten(shard);
    for (const watch of this.#watches) this.#tellWatch(watch, entry);
    return entry;
  }

  #tellWatch(watch: Watch<C>, entry: Entry<C>): void {
    const { watchMaxUs, repeated } = this.#settings;
    const lateUs = this.#delayUs() + this.#random.between(0, watchMaxUs);
    const dueUs = Math.max(watch.lastUs, this.#world.nowUs + lateUs);
    watch.lastUs = dueUs;
    const tell = (): void => {
      if (!this.#watches.has(watch) || !this.#reaches(watch.asker)) return;
      watch.asker.whenAwake(() => {
        if (this.#watches.has(watch)) watch.take(entry);
      });
    };
    this.#world.at(dueUs, tell);
    const isRepeated = this.#world.decide("control-plane/watch-repeated", this.#random.chance(repeated));
    if (isRepeated) this.#world.at(dueUs + this.#random.between(0, 10_000_000), tell);
  }

  #reaches(asker: Asker): boolean {
    return !this.#isAway && !this.#cutOff.has(asker.name);
  }

  #delayUs(): number {
    const { medianUs, maxUs } = this.#settings;
    return Math.floor(this.#random.longTail(medianUs, maxUs) * this.#delayFactor);
  }

  #lateUs(): number {
    const { timeOutUs, lateMaxUs } = this.#settings;
    return timeOutUs + this.#random.between(0, lateMaxUs);
  }
}
