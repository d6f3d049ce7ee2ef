/**
 * The counterpart of src/client/driver.ts, network.ts and socket.ts: one client process around the real session core, the
 * real codec and the real clock rule. It keeps connections, back-off, ticks, and tells the books what it reads and believes.
 */
import { Clock, CLOCK_SPREAD_MS } from "../../../src/client/clock.js";
import { Session } from "../../../src/client/session.js";
import type { Outcome, Outputs } from "../../../src/client/session-words.js";
import { decodeFrame, encodeFrame, type Message } from "../../../src/protocol/client-codec.js";
import type { Welcome } from "../../../src/protocol/server-messages.js";
import { KIND_HELLO, PROTOCOL_VERSION, SESSION_KEY_SIZE } from "../../../src/words/kinds.js";
import type { Books } from "../books.js";
import type { Belief, Wanted } from "../checkers/checker.js";
import { hexOf } from "../log-reader.js";
import type { End } from "../world/connection.js";
import { Machine, type Timer } from "../world/machine.js";
import type { Network } from "../world/network.js";
import type { World } from "../world/world.js";
import { backOffUs, type Link, newLink, shortBytes } from "./client-link.js";
import { probeMaps } from "./map-probe.js";
import type { RunSettings } from "./settings.js";
import { Witness } from "./witness.js";

const HANDSHAKE_WITHIN_US = 5_000_000;
const CLOSE_WITHIN_US = 1_000_000;
/** A turn of the client's event loop, microseconds. */
const LOOP_US = 30;

/** What a client is made of. */
export interface ClientParts {
  readonly world: World;
  readonly network: Network;
  readonly books: Books;
  readonly settings: RunSettings;
  readonly name: string;
  /** The workers of the map, and the node of each. */
  readonly workers: readonly { readonly address: string; readonly host: string }[];
  readonly driftPpm: number;
}

/** What its user has been given, and may believe in. */
interface Given {
  readonly resource: string;
  readonly mode: number;
  readonly permits: number;
  readonly token: number;
}

export class SimulatedClient {
  readonly name: string;
  readonly machine: Machine;
  readonly #parts: ClientParts;
  readonly #random;
  readonly #calls = new Map<number, (outcome: Outcome) => void>();
  readonly #given = new Map<number, Given>();
  #links: Link[] = [];
  #session: Session;
  #clock: Clock;
  #key = new Uint8Array(SESSION_KEY_SIZE);
  /** Told of each frame of the session. */
  #witness: Witness | undefined;
  #isFlushDue = false;
  #isClosing = false;
  #timer: Timer | undefined;
  #lives = 0;
  #isWelcome = false;
  #mapVersion = 0;
  operations = 0;
  /** Called when another process has begun in the place of one that died. */
  onRestart: () => void = () => undefined;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.name = parts.name;
    const { world, settings } = parts;
    this.#random = world.random(parts.name);
    this.machine = new Machine(world, {
      name: parts.name,
      driftPpm: parts.driftPpm,
      wallAheadUs: this.#random.between(-settings.wallAheadMaxUs, settings.wallAheadMaxUs),
      timerLateMaxUs: settings.timerLateMaxUs,
    });
    this.machine.start();
    this.#clock = this.#newClock();
    this.#session = this.#newSession();
    this.#start();
  }

  /** The session of this moment; its times are `now`. */
  get session(): Session {
    return this.#session;
  }
  /** Which session it is, from 1. */
  get life(): number {
    return this.#lives;
  }
  /** Whether calls may be made. */
  get isOpen(): boolean {
    return !this.#isClosing && this.#isWelcome;
  }
  get now(): number {
    return this.#clock.now();
  }
  /** How many calls have no outcome. */
  get pending(): number {
    return this.#calls.size;
  }

  /** Awaits the outcome of a call of the session. */
  outcome(call: number, told: (outcome: Outcome) => void): void {
    this.operations++;
    if (call === 0) return;
    this.#calls.set(call, told);
    this.scheduleFlush();
  }

  /** Nobody waits for that acquire any more. */
  abandon(call: number): void {
    this.#calls.delete(call);
    this.#session.abandon(call);
    this.scheduleFlush();
  }

  /** Its user has the claim: what the client says of it is belief. */
  give(claim: number, given: Given): void {
    this.#given.set(claim, given);
    this.#tellBelief(claim, given);
  }

  /** The user is about to give the claim back. */
  take(claim: number): void {
    this.#given.delete(claim);
  }

  /** What it would say that it holds, if it were asked now. */
  *beliefs(resource: string): Generator<Belief> {
    for (const [claim, given] of this.#given) {
      if (given.resource !== resource || this.#session.believedForMs(claim, this.now) <= 0) continue;
      yield { client: this.name, ...given };
    }
  }

  /** Every claim that its users know. */
  *wanted(): Generator<Wanted> {
    for (const [claim, { resource, token }] of this.#given)
      if (this.#session.believedForMs(claim, this.now) > 0) yield { key: this.#keyHex, resource, token };
  }

  /** Ends the session, and begins another after a while; `told` when that one may be used. */
  close(told: () => void): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#parts.books.closed(this.#keyHex);
    this.#parts.world.tell(() => `${this.name}: closes its session`);
    this.#session.close(); // Belief ends here: the books go on asking.
    this.#deliver();
    const life = this.#lives;
    const end = (): void => {
      if (this.#lives !== life) return;
      this.#given.clear();
      for (const link of this.#links) link.end?.close();
      this.#clock = this.#newClock();
      this.#session = this.#newSession();
      this.#start();
      told();
    };
    const look = (): void => {
      if (this.#session.isClosed()) end();
    };
    this.#whenClosed = look;
    this.machine.setTimer(CLOSE_WITHIN_US, end);
    look();
  }
  #whenClosed: () => void = () => undefined;

  /** Breaks all its connections, as a change of network does; they come back by themselves. */
  reconnect(): void {
    for (const link of this.#links) if (link.end !== undefined) this.#lost(link, link.end);
  }

  /** The process is gone at this instant, and with it all that it knew; another begins after a while. */
  crash(restartUs: number): void {
    if (!this.machine.isUp) return;
    const { network, world } = this.#parts;
    network.processDied(this.name);
    this.machine.kill();
    this.#given.clear();
    this.#lives++;
    this.#isClosing = true;
    world.in(restartUs, () => {
      this.machine.start();
      this.#clock = this.#newClock();
      this.#session = this.#newSession();
      this.#isFlushDue = false;
      this.#timer = undefined;
      this.#start();
      this.onRestart();
    });
  }

  scheduleFlush(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#parts.world.in(LOOP_US, () => {
      this.machine.whenAwake(() => {
        this.#isFlushDue = false;
        this.#flush();
      });
    });
  }

  #newClock(): Clock {
    const { clocks } = this.machine;
    return new Clock(() => ({
      monotonicMs: clocks.monotonicUs / 1_000,
      bootMs: Math.floor(clocks.bootUs / 10_000) * 10, // As os.uptime has it, in hundredths.
      wallMs: Math.floor(clocks.wallUs / 1_000),
    }));
  }

  #newSession(): Session {
    const { settings } = this.#parts;
    this.#key = Uint8Array.from({ length: SESSION_KEY_SIZE }, () => this.#random.below(256));
    const { books, world } = this.#parts;
    this.#witness = new Witness({ books, client: this.name, key: this.#keyHex, now: () => world.nowUs });
    this.#lives++;
    return new Session({
      key: this.#key,
      ttlMs: settings.sessionTtlMs,
      answerWithinMs: settings.answerWithinMs,
      clockSpreadMs: CLOCK_SPREAD_MS,
    });
  }

  #start(): void {
    this.#isClosing = false;
    this.#isWelcome = false;
    this.#calls.clear();
    this.#links = this.#parts.workers.map((_, worker) => newLink(worker));
    if (this.#timer !== undefined) this.machine.cancelTimer(this.#timer);
    this.#mapVersion = 0;
    this.#connect(this.#random.below(this.#links.length));
    this.#tick();
    const life = this.#lives;
    if (!this.#parts.settings.isCluster) return;
    const isOver = (): boolean => this.#lives !== life || this.#isClosing;
    const told = (map: Welcome["map"]): void => {
      if (this.#isWelcome) this.#takeMap(map);
      this.scheduleFlush();
    };
    probeMaps({ ...this.#parts, machine: this.machine, random: this.#random, isOver, told });
  }

  #tick(): void {
    this.#session.tick(this.now);
    this.#flush();
    this.#timer = this.machine.setTimer(Math.ceil(this.#session.tickEveryMs() * 1_000), () => this.#tick());
  }

  #flush(): void {
    if (this.#isClosing) return;
    for (const worker of this.#session.wantedWorkers()) this.#want(worker);
    this.#session.flush(this.now); // The time is read before anything of the frame is sent.
    this.#deliver();
  }

  #want(worker: number): void {
    const link = this.#links[worker];
    if (this.#parts.settings.isThroughEntry) {
      const entry = this.#links.find(({ isUp }) => isUp);
      if (entry !== undefined) this.#session.connected(worker);
    } else if (link?.isUp === true) this.#session.connected(worker);
    else if (link?.end === undefined && this.#isWelcome) this.#connect(worker);
  }

  #deliver(): void {
    const outputs: Outputs = this.#session.takeOutputs();
    for (const { worker, messages } of outputs.frames) this.#send(worker, messages);
    for (const { claim, why } of outputs.lost) {
      this.#given.delete(claim);
      this.#parts.world.tell(() => `${this.name}: loses claim ${claim}: ${why}`);
    }
    for (const { call, outcome } of outputs.settled) {
      const told = this.#calls.get(call);
      this.#calls.delete(call);
      told?.(outcome);
    }
  }

  #send(worker: number, messages: readonly Message[]): void {
    this.#witness?.sends(messages);
    this.#parts.world.tell(() => `${this.name} > worker ${worker}: ${JSON.stringify(messages, shortBytes)}`);
    const link = this.#parts.settings.isThroughEntry ? this.#links.find(({ isUp }) => isUp) : this.#links[worker];
    if (link?.isUp === true) link.end?.send(encodeFrame(messages));
  }

  #connect(worker: number): void {
    const { network, workers } = this.#parts;
    const link = this.#links[worker];
    const at = workers[worker];
    if (link === undefined || at === undefined || link.end !== undefined || link.isResting) return;
    const life = this.#lives;
    const end = network.connect(this.machine, at, {
      opened: () => {
        end.send(encodeFrame([[KIND_HELLO, { version: PROTOCOL_VERSION, client: this.name }]]));
        this.machine.setTimer(HANDSHAKE_WITHIN_US, () => {
          if (this.#lives === life && link.end === end && !link.isUp) this.#lost(link, end);
        });
      },
      message: (bytes) => {
        if (this.#lives === life && link.end === end) this.#receive(link, bytes);
      },
      closed: () => {
        if (this.#lives === life && link.end === end) this.#lost(link, end);
      },
    });
    link.end = end;
  }

  #lost(link: Link, end: End): void {
    const wasUp = link.isUp;
    end.close();
    link.end = undefined;
    link.isUp = false;
    link.failures++;
    const { isThroughEntry } = this.#parts.settings;
    if (wasUp) {
      for (const { worker } of isThroughEntry ? this.#links : [link]) this.#session.disconnected(worker, this.now);
      this.#deliver();
    }
    this.#whenClosed();
    const life = this.#lives;
    link.isResting = true;
    this.machine.setTimer(backOffUs(link.failures, this.#random.unit()), () => {
      link.isResting = false;
      const isAnyGood = isThroughEntry || !this.#isWelcome;
      if (this.#lives === life) this.#connect(isAnyGood ? this.#random.below(this.#links.length) : link.worker);
    });
    this.scheduleFlush();
  }

  #receive(link: Link, bytes: Uint8Array): void {
    this.#parts.world.digest.foldBytes(bytes);
    const messages = decodeFrame(bytes);
    this.#parts.world.tell(() => `${this.name} < worker ${link.worker}: ${JSON.stringify(messages, shortBytes)}`);
    const welcome = messages.find((message) => message.kind === "welcome");
    if (!link.isUp && welcome !== undefined) this.#welcome(link, welcome);
    if (!link.isUp) return;
    this.#witness?.receives(messages);
    for (const message of messages) if (message.kind === "moved") this.#mapVersion = message.map.version;
    this.#session.receive(messages, this.now);
    this.#deliver();
    for (const [claim, given] of this.#given) this.#tellBelief(claim, given);
    this.scheduleFlush();
    this.#whenClosed();
  }

  #welcome(link: Link, welcome: Welcome): void {
    link.isUp = true;
    link.failures = 0;
    this.#isWelcome = true;
    const requestsPerFrame = welcome.limits.get("requestsPerFrameMax") ?? 512;
    this.#session.setLimits({ requestsPerFrame, waitingGraceMs: welcome.limits.get("waitingGraceMs") ?? 10_000 });
    this.#takeMap(welcome.map);
    if (!this.#parts.settings.isThroughEntry) this.#session.connected(link.worker);
  }

  /** Maps come from many workers, and one that has slept tells an old one. */
  #takeMap({ version, owners }: Welcome["map"]): void {
    if (version < this.#mapVersion) return;
    this.#mapVersion = version;
    this.#session.setMap({ version, owners }, this.now);
  }

  #tellBelief(claim: number, given: Given): void {
    if (this.#session.believedForMs(claim, this.now) > 0) this.#parts.books.believed({ client: this.name, ...given });
  }

  get #keyHex(): string {
    return hexOf(this.#key, 0, this.#key.length);
  }
}
