/**
 * Joins the pure core to clock, timer and sockets: one flush for each turn of the event loop, so that everything asked in
 * a turn travels in one frame for each worker.
 */
import type { Message } from "../protocol/client-codec.js";
import type { Answer, ClusterMap, ServerMessage, Welcome } from "../protocol/server-messages.js";
import { Clock, CLOCK_SPREAD_MS, type TimeSource } from "./clock.js";
import { ClosedError, ConnectRefusedError, InDoubtError, RefusedError, UnavailableError } from "./errors.js";
import type { HistoryRecorder } from "./history-recorder.js";
import { letGo, soon, type Timer } from "./machine.js";
import { Network, type NetworkListener, type NetworkParts } from "./network.js";
import { isPlainAnswer, Questions, type WatchPush } from "./questions.js";
import { SeatedPaths } from "./seated-paths.js";
import { Session } from "./session.js";
import type { LostClaim, Outcome } from "./session-words.js";

/** A request is smaller than this, in bytes, its name and metadata at their longest. */
const REQUEST_BYTES_MAX = 1536;
/** Frames wait while this many bytes are unsent. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;
const UNSENT_RETRY_MS = 2;
/** A question that found no primary is asked again after this time. */
const ASK_AGAIN_MS = 60;
/** How long `close` waits for the server to say that all is released. */
const CLOSE_WITHIN_MS = 1000;

/** What a driver is made with. Times in milliseconds. */
export interface DriverSettings extends NetworkParts {
  readonly sessionKey: Uint8Array;
  readonly ttlMs: number;
  readonly answerWithinMs: number;
  /** Left out: the machine's. */
  readonly time: TimeSource | undefined;
  /** Records what goes out and comes in. */
  readonly recorder: HistoryRecorder | undefined;
}

/** Something asked without a session. */
export interface PlainQuestion {
  readonly kind: number;
  readonly tail: Message;
  /** Asking twice does no harm. */
  readonly repeats: boolean;
}

/** One client at work. */
export class Driver implements NetworkListener {
  readonly clock: Clock;
  readonly session: Session;
  readonly recorder: HistoryRecorder | undefined;
  readonly #settings: DriverSettings;
  readonly #network: Network;
  readonly #questions: Questions = new Questions();
  readonly #calls: Map<number, (outcome: Outcome) => void> = new Map();
  readonly #losses: Map<number, (lost: LostClaim) => void> = new Map();
  readonly #ready: Promise<void>;
  #settleReady: ((error: Error | undefined) => void) | undefined;
  #requestsPerFrame = 512;
  #timer: Timer | undefined;
  #flushDue = false;
  #entryIsUp = false;
  #lastReason = "nothing was tried yet";
  /** Why nothing works any more. */
  #ended: Error | undefined;
  #closing = false;
  #whenClosed: (() => void) | undefined;
  #leaveTime: (() => void) | undefined;
  #frameCount = 0;
  /** At the thread that keeps alive while this loop can't; none where time is a test's, which is on this thread only. */
  readonly #seated: SeatedPaths | undefined;

  constructor(settings: DriverSettings) {
    this.#settings = settings;
    const { time } = settings;
    this.clock = time === undefined ? new Clock() : new Clock(() => time.read());
    this.recorder = settings.recorder;
    this.session = new Session({
      key: settings.sessionKey,
      ttlMs: settings.ttlMs,
      answerWithinMs: settings.answerWithinMs,
      clockSpreadMs: CLOCK_SPREAD_MS,
    });
    this.#network = new Network(settings, this);
    const { session, clock } = this;
    const heard = (): void => {
      this.#scheduleFlush();
    };
    const seated = { session, clock, network: this.#network, key: settings.url.key, heard };
    this.#seated = time === undefined ? new SeatedPaths(seated) : undefined;
    this.#ready = new Promise((resolve, reject) => {
      this.#settleReady = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
    });
  }

  /** Connects. Rejects if no server has greeted within `answerWithinMs`, or if one refuses this client. */
  async start(): Promise<void> {
    this.#network.start();
    this.#tick();
    this.#leaveTime = this.#settings.time?.follow({
      moved: () => {
        const before = this.#frameCount;
        this.#tick();
        return this.#frameCount > before;
      },
      lookEveryMs: () => this.session.tickEveryMs(),
    });
    const { addresses } = this.#settings.url;
    const timer = setTimeout(() => {
      const tried = `${addresses.join(", ")} did not answer within ${this.#settings.answerWithinMs} ms`;
      this.#settleReady?.(new UnavailableError(`unavailable: ${tried} (${this.#lastReason})`));
    }, this.#settings.answerWithinMs);
    try {
      await this.#ready;
    } catch (error) {
      this.#end(error instanceof Error ? error : new ClosedError());
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The shard of a resource. @throws ClosedError or why else nothing works any more. */
  shardOf(resource: string): number {
    const ended = this.whyEnded();
    if (ended !== undefined) throw ended;
    return this.#network.shardOf(resource) ?? 0;
  }

  /** Awaits the outcome of a call of the session. */
  async outcome(call: number): Promise<Outcome> {
    this.#scheduleFlush();
    return new Promise((resolve) => {
      this.#calls.set(call, resolve);
    });
  }

  /** Nobody waits for that acquire any more. */
  abandon(call: number): void {
    this.#calls.delete(call);
    this.session.abandon(call);
    this.#scheduleFlush();
  }

  /** How long that claim may be believed in, in milliseconds; 0: not held. Hears first what the thread has heard. */
  believedForMs(claim: number): number {
    const believedMs = this.session.believedForMs(claim, this.clock.now());
    if (this.#seated?.isSeated !== true || believedMs * 2 > this.#settings.ttlMs) return believedMs;
    this.#seated.drain();
    return this.session.believedForMs(claim, this.clock.now());
  }

  /** Calls back once, when the claim may not be believed any more, unless `forgetLoss` comes before. */
  onLoss(claim: number, told: (lost: LostClaim) => void): void {
    this.#losses.set(claim, told);
  }

  forgetLoss(claim: number): void {
    this.#losses.delete(claim);
  }

  /** Asks without a session. @throws InDoubtError, UnavailableError, RefusedError */
  async ask(question: PlainQuestion): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ended = this.#ended;
      if (ended !== undefined) {
        reject(ended);
        return;
      }
      this.#askAs(this.session.takeId(), question, {
        ended: (end) => {
          if (end.kind === "no-answer") reject(this.noAnswer(end.inDoubt));
          else if (end.answer.kind === "fault") reject(new RefusedError(end.answer.code, end.answer.message));
          else resolve(end.answer);
        },
        pushed: () => undefined,
      });
    });
  }

  /** Watches. `ended` is called with the first answer, and with each end for good. @returns the watch's id. */
  watch(question: PlainQuestion, pushed: (push: WatchPush) => void, ended: (error: Error | undefined) => void): number {
    if (this.#ended !== undefined) throw this.#ended;
    const id = this.session.takeId();
    this.#askAs(id, question, {
      ended: (end) => {
        if (end.kind === "no-answer") ended(this.noAnswer(end.inDoubt));
        else if (end.answer.kind === "fault") ended(new RefusedError(end.answer.code, end.answer.message));
        else ended(undefined);
      },
      pushed,
    });
    return id;
  }

  /** Ends the hearing of a watch; the server is told by the caller. */
  forgetWatch(id: number): void {
    this.#questions.forget(id);
  }

  /** Why nothing works any more; undefined while it does. */
  whyEnded(): Error | undefined {
    return this.#ended ?? (this.#closing ? new ClosedError() : undefined);
  }

  /**
   * The error of a call that has no answer.
   * @param leaseMs TTL of the claim that it is about; 0: the session's
   */
  noAnswer(inDoubt: boolean, leaseMs: number = 0): Error {
    if (this.#ended !== undefined) return this.#ended;
    const within = `no answer within ${this.#settings.answerWithinMs} ms (${this.#lastReason})`;
    if (inDoubt)
      return new InDoubtError(`${within}; the request may have taken effect`, this.#settings.ttlMs + leaseMs);
    return new UnavailableError(`unavailable: ${within}; nothing was sent`);
  }

  /** Ends the session, and then the connections. */
  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#closing = true;
    this.session.close();
    this.#deliver();
    if (!this.session.isClosed()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CLOSE_WITHIN_MS);
        this.#whenClosed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#end(new ClosedError());
  }

  welcomed(welcome: Welcome): void {
    const limits = welcome.limits;
    const frameBytes = limits.get("frameBytesMax") ?? 1024 * 1024;
    const requestsPerFrame = Math.min(
      limits.get("requestsPerFrameMax") ?? this.#requestsPerFrame,
      Math.floor(frameBytes / REQUEST_BYTES_MAX),
    );
    this.#requestsPerFrame = Math.max(1, requestsPerFrame - 1);
    const waitingGraceMs = limits.get("waitingGraceMs") ?? Math.min(10_000, this.#settings.ttlMs);
    this.session.setLimits({ requestsPerFrame, waitingGraceMs });
    this.session.setMap(welcome.map, this.clock.now());
  }

  entryUp(): void {
    this.#entryIsUp = true;
    this.#settleReady?.(undefined);
    this.#scheduleFlush();
  }

  entryDown(reason: string): void {
    this.#entryIsUp = false;
    this.#lastReason = reason;
    this.#questions.disconnected();
  }

  workerUp(worker: number): void {
    this.session.connected(worker);
    this.#scheduleFlush();
  }

  workerDown(worker: number): void {
    this.session.disconnected(worker, this.clock.now());
    this.#scheduleFlush();
    if (this.session.isClosed()) this.#whenClosed?.(); // Nobody is left to answer a CLOSE.
  }

  refused(reason: string): void {
    const error = new ConnectRefusedError(reason);
    this.#settleReady?.(error);
    this.#end(error);
  }

  received(messages: readonly ServerMessage[]): void {
    this.recorder?.received(messages);
    for (const message of this.session.receive(messages, this.clock.now())) {
      if (message.kind === "event" || message.kind === "resync") this.#questions.pushed(message);
      else if (message.kind === "moved") this.#moved(message.map);
      else if (message.kind === "going-away") this.#lastReason = `the server goes away: ${message.reason}`;
      else if (isPlainAnswer(message) && this.#questions.answered(message)) this.#askAgainSoon();
    }
    this.#deliver();
    this.#scheduleFlush();
    this.#seated?.tell();
    if (this.session.isClosed()) this.#whenClosed?.();
  }

  /** Shards are elsewhere: who asked is told so, and in a cluster every client is, unasked. */
  #moved(map: ClusterMap): void {
    this.#network.takeMap(map);
    this.session.setMap(map, this.clock.now());
  }

  #askAgainSoon(): void {
    setTimeout(() => {
      this.#questions.wake();
      this.#scheduleFlush();
    }, ASK_AGAIN_MS);
  }

  #askAs(id: number, question: PlainQuestion, listener: Parameters<Questions["ask"]>[1]["listener"]): void {
    const deadlineMs = this.clock.recent() + this.#settings.answerWithinMs;
    this.#questions.ask(id, { ...question, deadlineMs, listener });
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#flushDue || this.#ended !== undefined) return;
    this.#flushDue = true;
    soon(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#ended !== undefined) return;
    if (this.#network.unsentBytes() > UNSENT_BYTES_MAX) {
      setTimeout(() => {
        this.#scheduleFlush();
      }, UNSENT_RETRY_MS);
      return;
    }
    for (const worker of this.session.wantedWorkers()) this.#network.want(worker);
    this.session.flush(this.clock.now()); // The time is read before anything of the frame is sent.
    this.#deliver();
    if (!this.#entryIsUp) return;
    for (const frame of this.#questions.flush(this.#requestsPerFrame)) {
      this.recorder?.sending(frame);
      this.#network.sendToEntry(frame);
    }
  }

  #deliver(): void {
    const outputs = this.session.takeOutputs();
    this.recorder?.leaving(outputs.frames, outputs.lost);
    this.#frameCount += outputs.frames.length;
    for (const frame of outputs.frames) this.#network.send(frame.worker, frame.messages);
    for (const lost of outputs.lost) {
      const told = this.#losses.get(lost.claim);
      this.#losses.delete(lost.claim);
      told?.(lost);
    }
    for (const { call, outcome } of outputs.settled) {
      const resolve = this.#calls.get(call);
      this.#calls.delete(call);
      resolve?.(outcome);
    }
  }

  #tick(): void {
    this.#seated?.beat();
    this.#seated?.drain(); // Before anything is given up: this loop may have been busy for long.
    this.recorder?.looking();
    const nowMs = this.clock.now();
    this.recorder?.looked((claim) => this.session.believedForMs(claim, nowMs));
    this.session.tick(nowMs);
    this.#questions.expire(nowMs);
    this.#flush();
    clearTimeout(this.#timer);
    this.#timer = letGo(
      setTimeout(() => {
        this.#tick();
      }, this.session.tickEveryMs()),
    );
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#leaveTime?.();
    this.#seated?.leave();
    clearTimeout(this.#timer);
    this.session.close();
    this.#deliver();
    this.recorder?.clientEnded();
    this.#questions.close();
    this.#network.stop();
  }
}
