/**
 * The pure core of the client: one session on all workers of a node. Its inputs are calls, messages, the state of
 * connections and the time; its outputs are frames and the outcomes of calls, by value. It reads no clock, opens no socket
 * and makes no promise, so every order of lost answers and broken connections can be played to it in a test.
 *
 *     calls ──▶ queue ──▶ flush(): frames ──▶ sockets
 *     sockets ──▶ receive(): answers, OPEN_SHARD, KEPT, pushes ──▶ claims, belief ──▶ takeOutputs(): settled, lost
 */
import type { Message } from "../protocol/client-codec.js";
import type { Answer, ClusterMap, Push, ServerMessage } from "../protocol/server-messages.js";
import { KIND_ACQUIRE, KIND_ASK_POSITION, KIND_CLOSE, KIND_RELEASE, KIND_RENEW } from "../words/kinds.js";
import { receiveAnswer } from "./session-answers.js";
import { applyKept, receiveKept, receiveKeptAll, receiveOpenShard, receivePush, takeMap } from "./session-paths.js";
import { dropWish, keepAliveEveryMs, runSchedule, tickEveryMs, wantsPath, writeKeepAlive } from "./session-schedule.js";
import { type SessionOptions, SessionState } from "./session-state.js";
import type { AcquireCall, Claim, Outputs, Request } from "./session-words.js";
import type { WorkerPath } from "./worker-path.js";

/** How long a path that was refused is left alone, in milliseconds. */
const RETRY_AFTER_FAULT_MS = 200;
type Fault = Extract<Answer, { readonly kind: "fault" }>;
type Grouped = Answer | Extract<Push, { readonly kind: "claim-ended" | "session-ended" }>;

/** Faults of an OPEN that pass by themselves; any other is the caller's to know. */
const PASSING_FAULTS: ReadonlySet<string> = new Set(["draining", "overloaded", "internal", "path-void", "no-primary"]);

/** Which worker has each shard, and how new that is. */
export type OwnersMap = Pick<ClusterMap, "version" | "owners">;

/** A question to, or an order at, one resource, over the session's path. */
export interface Question {
  readonly kind: number;
  readonly shard: number;
  readonly resource: string;
  readonly tail: Message;
}

/** One session. Times are milliseconds of one clock that never falls. */
export class Session {
  readonly #state: SessionState;
  /** CLOSE messages without an answer. */
  readonly #closing: Set<number> = new Set();
  #closed = false;
  #pathsOpened = 0;

  constructor(options: SessionOptions) {
    this.#state = new SessionState(options);
  }

  /** The next id, for requests without a session: one counter serves all. */
  takeId(): number {
    return this.#state.takeId();
  }

  /** What the handshake said. */
  setLimits(limits: { readonly requestsPerFrame: number; readonly waitingGraceMs: number }): void {
    this.#state.requestsPerFrame = Math.max(1, limits.requestsPerFrame - 1);
    this.#state.waitingGraceMs = limits.waitingGraceMs;
  }

  /** Which worker has each shard, from now on; a map that is older than the last is passed over. */
  setMap(map: OwnersMap, nowMs: number): void {
    if (map.version < this.#state.mapVersion) return;
    this.#state.mapVersion = map.version;
    takeMap(this.#state, map.owners, nowMs);
  }

  connected(worker: number): void {
    this.#state.worker(worker).connected = true;
  }

  disconnected(worker: number, nowMs: number): void {
    const path = this.#state.worker(worker);
    path.connected = false;
    this.#state.closePath(path, nowMs);
    this.#closing.clear(); // A session that can't be told ends with its TTL.
  }

  /** The workers that the session needs and has no connection to. */
  wantedWorkers(): readonly number[] {
    if (this.#closed) return [];
    const unreached = [...this.#state.workers.values()].filter((path) => !path.connected);
    return unreached.filter((path) => wantsPath(path)).map((path) => path.worker);
  }

  /** @returns the number of the call; if it is granted, also that of the claim. */
  acquire(asked: AcquireCall, nowMs: number): number {
    const tail = [
      asked.ttlMs,
      asked.waitMs,
      asked.mode,
      asked.permits,
      asked.lockDelayMs,
      asked.metadata === "" ? null : asked.metadata,
    ];
    const deadlineMs = nowMs + asked.waitMs + this.#state.options.answerWithinMs;
    return this.#ask({ kind: KIND_ACQUIRE, shard: asked.shard, resource: asked.resource, tail }, deadlineMs, {
      acquire: asked,
    });
  }

  /** Belief ends now, before anything is sent. @returns the number of the call; 0: there is no such claim. */
  release(claimCall: number, nowMs: number): number {
    const claim = this.#state.claims.get(claimCall);
    if (claim === undefined || claim.state === "leaving") return 0;
    claim.state = "leaving";
    return this.#aboutClaim(KIND_RELEASE, claim, [claim.token], nowMs);
  }

  /** @param ttlMs undefined: as at the acquire. @returns the number of the call; 0: there is no such claim. */
  renew(claimCall: number, ttlMs: number | undefined, nowMs: number): number {
    const claim = this.#state.claims.get(claimCall);
    if (claim === undefined || claim.state === "leaving") return 0;
    claim.renewAskedMs = nowMs;
    return this.#aboutClaim(KIND_RENEW, claim, ttlMs === undefined ? [claim.token] : [claim.token, ttlMs], nowMs);
  }

  /** Why does that acquire wait? @returns the number of the call; 0: it does not wait any more. */
  position(acquireCall: number, nowMs: number): number {
    const wait = this.#state.calls.get(acquireCall);
    if (wait === undefined) return 0;
    const { shard, resource } = wait;
    const deadlineMs = nowMs + this.#state.options.answerWithinMs;
    return this.#ask({ kind: KIND_ASK_POSITION, shard, resource, tail: [] }, deadlineMs, { wait });
  }

  /** @returns the number of the call. */
  ask(question: Question, nowMs: number): number {
    return this.#ask(question, nowMs + this.#state.options.answerWithinMs, {});
  }

  /** Nobody waits for that acquire any more: it is cancelled, and what it is granted is released. */
  abandon(call: number): void {
    const request = this.#state.calls.get(call);
    if (request !== undefined) {
      this.#state.calls.delete(call);
      request.call = 0;
      dropWish(this.#state, request);
    }
    const claim = this.#state.claims.get(call);
    if (claim !== undefined) this.#state.giveBack(claim, "its caller gave up");
  }

  /** Whether the session holds anything on the worker of a shard. */
  holdsNear(shard: number): boolean {
    return this.#state.ownerOf(shard).claimCount > 0;
  }

  /** How long that claim may still be believed in, in milliseconds; 0: not held, as far as this client knows. */
  believedForMs(claimCall: number, nowMs: number): number {
    const claim = this.#state.claims.get(claimCall);
    return claim === undefined ? 0 : Math.max(0, this.#state.believedForMs(claim, nowMs));
  }

  /** How long until `tick` is to be called again, in milliseconds. */
  tickEveryMs(): number {
    return tickEveryMs(this.#state);
  }

  /** What is due by the time alone. */
  tick(nowMs: number): void {
    if (!this.#closed) runSchedule(this.#state, nowMs, this.tickEveryMs());
  }

  /**
   * Takes in one frame, over whichever connection it came: paths and ids name their worker.
   * @returns what is not the session's: answers without a session, the handshake, new maps, GOING_AWAY.
   */
  receive(messages: readonly ServerMessage[], nowMs: number): readonly ServerMessage[] {
    const others: ServerMessage[] = [];
    let group = 0;
    for (const message of messages) {
      if (message.kind === "group") group = message.path;
      else if (group !== 0 && isGrouped(message)) this.#receiveGrouped(group, message, nowMs);
      else if (!this.#receivePlain(message, nowMs)) others.push(message);
      if (message.kind === "moved") others.push(message);
    }
    return others;
  }

  /** Takes in the answer to a keep-alive that another thread sent at `sentMs`, over a connection of its own. */
  keptElsewhere(message: Extract<ServerMessage, { readonly kind: "kept" }>, sentMs: number, nowMs: number): void {
    for (const path of this.#state.workers.values()) {
      if (path.state === "open") applyKept(this.#state, path, { message, sentMs, nowMs });
    }
  }

  /** The numbers of the paths that are open, by worker. */
  openPaths(): ReadonlyMap<number, number> {
    const open = [...this.#state.workers.values()].filter((path) => path.state === "open" && path.path !== 0);
    return new Map(open.map((path) => [path.worker, path.path]));
  }

  /** Grows whenever a path is opened. */
  get pathsOpened(): number {
    return this.#pathsOpened;
  }

  /** How often a keep-alive is due on each path at most, in milliseconds. */
  keepAliveEveryMs(): number {
    return keepAliveEveryMs(this.#state, true);
  }

  /** Writes what can be sent now. Belief of what is answered starts at `nowMs`. */
  flush(nowMs: number): void {
    if (this.#closed || this.#state.stolen) return;
    for (const path of this.#state.workers.values()) {
      if (!path.connected) continue;
      if (path.state === "closed" && nowMs >= path.retryAtMs && wantsPath(path)) {
        this.#state.outputs.frames.push(path.open(this.#state.options, this.#state.takeId(), nowMs));
      }
      this.#flushPath(path, nowMs);
    }
  }

  /** What is to be done since the last time. */
  takeOutputs(): Outputs {
    const outputs = this.#state.outputs;
    this.#state.outputs = { frames: [], settled: [], lost: [] };
    return outputs;
  }

  /** Ends the session where its path is open; elsewhere it ends with its TTL. Belief in all claims ends now. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const claim of [...this.#state.claims.values()]) this.#state.endClaim(claim, "the client was closed");
    this.#settleAll("the client was closed");
    for (const path of this.#state.workers.values()) {
      if (path.state !== "open") continue;
      const id = this.#state.takeId();
      this.#closing.add(id);
      this.#state.outputs.frames.push({ worker: path.worker, messages: [[KIND_CLOSE, id, path.path]] });
    }
  }

  /** Every CLOSE has been answered, or never will be. */
  isClosed(): boolean {
    return this.#closed && this.#closing.size === 0;
  }

  #flushPath(path: WorkerPath, nowMs: number): void {
    const { outputs, requestsPerFrame, takeId } = this.#state;
    const isOpened = (shard: number): boolean => this.#state.shard(shard).opened;
    outputs.frames.push(...path.writeFrames({ nowMs, requestsMax: requestsPerFrame, isOpened, takeId }));
    const keepAlive = writeKeepAlive(this.#state, path, nowMs);
    if (keepAlive !== undefined) outputs.frames.push({ worker: path.worker, messages: [keepAlive] });
  }

  #receiveGrouped(group: number, message: Grouped, nowMs: number): void {
    const path = this.#pathWhere((one) => one.path === group);
    if (path === undefined) return; // A path that was replaced: what comes from it is old.
    if (message.kind === "claim-ended" || message.kind === "session-ended") {
      receivePush(this.#state, path, message, nowMs);
    } else if (message.kind === "moved") {
      this.#receiveMoved(path, message.map, nowMs);
    } else if (!this.#receivePlain(message, nowMs)) {
      receiveAnswer(this.#state, path, message, nowMs);
    }
  }

  #receivePlain(message: ServerMessage, nowMs: number): boolean {
    const id = "id" in message ? message.id : 0;
    const path = this.#pathWhere((one) => one.openId === id || one.keepAlives.has(id));
    const { kind } = message;
    if (kind === "fault") return this.#receiveFault(path, message, nowMs);
    if (kind === "in-use-elsewhere") {
      if (message.path !== 0 && this.#pathWhere((one) => one.path === message.path) !== undefined) {
        this.#stop("another client uses this session's key");
      }
      return true;
    }
    if (kind === "done" && this.#closing.delete(id)) return true;
    if (path === undefined) return kind === "opened" || kind === "open-shard" || kind === "kept"; // Of an older path.
    return this.#receiveOfPath(path, message, nowMs);
  }

  /** What an OPEN or a keep-alive brings; false if it is something else. */
  #receiveOfPath(path: WorkerPath, message: ServerMessage, nowMs: number): boolean {
    if (message.kind === "done") return receiveKeptAll(this.#state, path, message.id, nowMs);
    if (message.kind === "opened") {
      if (path.state !== "opening") return true;
      path.state = "open";
      path.path = message.paths[0] ?? 0;
      this.#pathsOpened += 1;
    } else if (message.kind === "open-shard") receiveOpenShard(this.#state, path, message, nowMs);
    else if (message.kind === "kept") receiveKept(this.#state, path, message, nowMs);
    else if (message.kind === "moved") this.#receiveMoved(path, message.map, nowMs);
    else return false;
    return true;
  }

  #receiveFault(path: WorkerPath | undefined, fault: Fault, nowMs: number): boolean {
    const retryAtMs = nowMs + RETRY_AFTER_FAULT_MS;
    if (this.#closing.delete(fault.id)) return true;
    if (fault.id === 0) {
      for (const each of this.#state.workers.values()) this.#state.closePath(each, retryAtMs);
      return true;
    }
    if (path === undefined) return this.#receiveStrayFault(fault, nowMs);
    const wasKeepAlive = path.keepAlives.has(fault.id);
    this.#state.closePath(path, retryAtMs);
    if (wasKeepAlive || PASSING_FAULTS.has(fault.code)) return true;
    for (const request of path.queue.splice(0)) {
      this.#state.settle(request, { kind: "answered", answer: fault });
    }
    return true;
  }

  /** A fault of a session's request whose path the server does not know any more may come without its group. */
  #receiveStrayFault(fault: Fault, nowMs: number): boolean {
    const path = this.#pathWhere((one) => one.unanswered.has(fault.id));
    if (path === undefined) return false;
    receiveAnswer(this.#state, path, fault, nowMs);
    return true;
  }

  #pathWhere(matches: (path: WorkerPath) => boolean): WorkerPath | undefined {
    for (const path of this.#state.workers.values()) if (path.openId !== 0 && matches(path)) return path;
    return undefined;
  }

  #receiveMoved(path: WorkerPath, map: OwnersMap, nowMs: number): void {
    this.setMap(map, nowMs);
    this.#state.closePath(path, nowMs + RETRY_AFTER_FAULT_MS);
  }

  #stop(why: string): void {
    this.#state.stolen = true;
    for (const claim of [...this.#state.claims.values()]) this.#state.endClaim(claim, why);
    this.#settleAll(why);
  }

  #settleAll(why: string): void {
    for (const request of [...this.#state.calls.values()]) this.#state.settle(request, { kind: "lost", why });
  }

  #aboutClaim(kind: number, claim: Claim, tail: Message, nowMs: number): number {
    const { shard, resource } = claim;
    const deadlineMs = nowMs + this.#state.options.answerWithinMs;
    return this.#ask({ kind, shard, resource, tail }, deadlineMs, { claim });
  }

  #ask(
    question: Question,
    deadlineMs: number,
    about: { readonly acquire?: AcquireCall; readonly claim?: Claim; readonly wait?: Request },
  ): number {
    const call = this.#state.takeCall();
    this.#state.queue({
      call,
      kind: question.kind,
      shard: question.shard,
      resource: question.resource,
      tail: question.tail,
      state: "queued",
      id: 0,
      firstSentMs: 0,
      deadlineMs,
      notBeforeMs: 0,
      refusal: undefined,
      unwanted: false,
      acquire: about.acquire,
      claim: about.claim,
      wait: about.wait,
    });
    return call;
  }
}

/** What stands behind a GROUP may also be one of the few messages that name their path or id themselves. */
function isGrouped(message: ServerMessage): message is Grouped {
  if (message.kind === "claim-ended" || message.kind === "session-ended") return true;
  return "id" in message && message.kind !== "opened" && message.kind !== "open-shard" && message.kind !== "kept";
}
