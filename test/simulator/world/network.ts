/**
 * The network between the machines of a simulated cluster: connections as WebSockets are, over links that are slow,
 * clogged or cut by direction (link.ts). What a fault does to a connection is what TCP would do: nothing is lost within
 * one, but it may come minutes late, the two ends may learn of its end at different times, and one may never learn it.
 */
import { assert } from "../../../src/words/assert.js";
import { End, type EndEvents, type Host, type Wires } from "./connection.js";
import { Link, type LinkWeather } from "./link.js";
import type { Random } from "./random.js";
import { Slab } from "./slab.js";
import type { World } from "./world.js";

/** What a network is like for one seed. */
export interface NetworkSettings {
  /** How each link behaves while nothing is wrong. */
  readonly weather: LinkWeather;
  /** An end that hears no acknowledgement for so long is closed (`timed-out`). */
  readonly timeOutUs: number;
  /** So long a host tries to connect. */
  readonly connectTimeOutUs: number;
  /** So many bytes of one end are on their way without counting as unsent. */
  readonly bufferBytes: number;
  /** The part of broken connections whose last messages come late... */
  readonly lateMessages: number;
  /** ... by so much at the most. */
  readonly lateMaxUs: number;
}

/** Takes the server's end of each connection, and answers what is to be told of it; null refuses. */
export type Accept = (end: End) => EndEvents | null;

interface Listening {
  readonly host: Host;
  readonly accept: Accept;
}

/** A network of which nothing is wrong; good for tests. */
export const CALM_NETWORK: NetworkSettings = {
  weather: { medianUs: 300, maxUs: 300_000, usPerByte: 0 },
  timeOutUs: 30_000_000,
  connectTimeOutUs: 5_000_000,
  bufferBytes: 65_536,
  lateMessages: 0,
  lateMaxUs: 0,
};

/** All connections of one simulated cluster. */
export class Network implements Wires {
  readonly world: World;
  readonly slab: Slab = new Slab();
  readonly #settings: NetworkSettings;
  readonly #random: Random;
  readonly #links = new Map<string, Link>();
  readonly #listening = new Map<string, Listening>();
  readonly #ends = new Set<End>();
  readonly #dark = new Set<string>(); // Hosts without power.
  #connectionCount = 0;
  #isWatching = false;

  constructor(world: World, settings: NetworkSettings) {
    this.world = world;
    this.#settings = settings;
    this.#random = world.random("network");
  }

  get timeOutUs(): number {
    return this.#settings.timeOutUs;
  }
  get bufferBytes(): number {
    return this.#settings.bufferBytes;
  }

  /** How many ends are open or opening. */
  get endCount(): number {
    return this.#ends.size;
  }

  /** All ends that are open or opening, oldest first. */
  get ends(): readonly End[] {
    return [...this.#ends];
  }

  /** The link from one host to another; each direction has its own. */
  link(from: string, to: string): Link {
    const name = `${from}>${to}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      link = new Link(this.world, name, this.#settings.weather);
      this.#links.set(name, link);
    }
    return link;
  }

  /** All links that were ever used or asked for, in that order. */
  get links(): readonly Link[] {
    return [...this.#links.values()];
  }

  /** Takes connections to `address` from now on, until `stopListening` or the host's death. */
  listen(address: string, host: Host, accept: Accept): void {
    assert(!this.#listening.has(address), "an address has one listener");
    this.#listening.set(address, { host, accept });
  }

  /** New connections to `address` are refused from now on; those that are open go on. */
  stopListening(address: string): void {
    this.#listening.delete(address);
  }

  /**
   * Begins to connect; one round trip later the end is open, or told `refused` or `timed-out`.
   * @param at the address, and the host on which it would be, which says which links are used
   */
  connect(from: Host, at: { readonly address: string; readonly host: string }, events: EndEvents): End {
    const end = new End(this, from, ++this.#connectionCount);
    end.attach(events);
    this.#ends.add(end);
    this.world.in(this.#settings.connectTimeOutUs, () => {
      if (end.isOpening) end.fail("timed-out");
    });
    const there = this.link(from.name, at.host);
    const back = this.link(at.host, from.name);
    this.#travel(there, () => {
      if (this.#dark.has(at.host)) return; // Nobody answers at all: the connecting end gives up by itself.
      const listening = this.#listening.get(at.address);
      const refuse = (): void => this.#travel(back, () => end.fail("refused"));
      if (listening === undefined) refuse();
      else listening.host.whenAwake(() => (this.#accept(end, listening, [there, back]) ? undefined : refuse()));
    });
    return end;
  }

  /** Breaks a connection from outside. Each end learns it at a time of its own, or never until it times out. */
  breakConnection(end: End): void {
    const random = this.#random;
    for (const one of end.far === null ? [end] : [end, end.far]) {
      this.#delayLast(one);
      if (random.chance(NEVER_LEARNS)) continue;
      this.world.in(random.longTail(10_000, 60_000_000), () => one.fail("reset"));
    }
    this.world.tell(() => `connection ${end.connection} of ${end.host.name}: broken`);
  }

  /** A process has died: what it had sent may arrive or not, and each peer is told by the kernel that lives on. */
  processDied(host: string): void {
    this.#stopHost(host);
    for (const end of this.#ends) {
      if (end.host.name !== host) continue;
      this.#delayLast(end);
      end.abort(this.#random.chance(0.5));
    }
  }

  /** A machine lost power: nobody is told anything; peers learn by a time-out, or by a reset when it is up again. */
  machineDied(host: string): void {
    this.#stopHost(host);
    this.#dark.add(host);
    for (const end of this.#ends) if (end.host.name === host) end.vanish();
  }

  /** The machine has power again: its kernel answers what comes for processes that are gone. */
  machineStarted(host: string): void {
    this.#dark.delete(host);
  }

  /** Whether the host's machine has power; for ends. */
  hasPower(host: string): boolean {
    return !this.#dark.has(host);
  }

  /** Heals all links. Connections that are broken stay so. */
  heal(): void {
    for (const link of this.#links.values()) link.heal();
  }

  /** Forgets an end; for the end itself. */
  forget(end: End): void {
    this.#ends.delete(end);
  }

  /** Looks for ends that have waited too long for an acknowledgement, as TCP does; once a second from the first call. */
  watchTimeOuts(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const look = (): void => {
      for (const end of this.#ends) if (end.unacknowledgedUs > this.#settings.timeOutUs) end.fail("timed-out");
      this.world.in(1_000_000, look);
    };
    this.world.in(1_000_000, look);
  }

  #accept(from: End, listening: Listening, links: readonly [Link, Link]): boolean {
    if (from.isClosed) return true; // It has given up while the listener slept.
    const end = new End(this, listening.host, from.connection);
    const events = listening.accept(end);
    if (events === null) return false;
    end.attach(events);
    this.#ends.add(end);
    End.join(this, [from, end], links);
    end.agree();
    return true;
  }

  #stopHost(host: string): void {
    for (const [address, listening] of this.#listening) {
      if (listening.host.name === host) this.#listening.delete(address);
    }
  }

  /** What a broken connection still has on its way may come minutes later, when its sender has long gone. */
  #delayLast(end: End): void {
    const isLate = this.#random.chance(this.#settings.lateMessages);
    const lateUs = this.#random.between(0, this.#settings.lateMaxUs);
    if (this.world.decide("network/late-messages", isLate)) end.holdSent(this.world.nowUs + lateUs);
  }

  /** Calls `act` when something small has travelled a link; it waits for a clog or a cut to end. */
  #travel(link: Link, act: () => void): void {
    this.world.in(link.delayUs(0), () => {
      if (link.isCut) link.awaitHealing({ pump: () => this.#travel(link, act) });
      else if (link.clogUntilUs > this.world.nowUs) this.world.at(link.clogUntilUs, () => this.#travel(link, act));
      else act();
    });
  }
}

const NEVER_LEARNS = 0.2;
