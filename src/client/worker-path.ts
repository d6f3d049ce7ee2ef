/**
 * The session's one path to one worker: its requests that have no answer, what it has told the server of seen
 * answers, and the frames that it sends.
 *
 *     closed ──OPEN sent──▶ opening ──OPENED──▶ open ──OPEN_SHARD for each shard──▶ requests go
 *       ▲                                        │
 *       └── connection lost, path void, doubt ───┘    what was sent becomes in-doubt
 *
 * A request with an old id is sent only when nothing is in doubt any more, and before all new ones: ids grow on a path.
 */
import type { Message } from "../protocol/client-codec.js";
import { assert } from "../words/assert.js";
import { KIND_GROUP, KIND_OPEN } from "../words/kinds.js";
import { SeenRanges } from "./seen-ranges.js";
import { Sendings } from "./sendings.js";
import type { OutgoingFrame, Request } from "./session-words.js";

/** How many ranges a group tells at most: the others follow in later ones. */
const RANGES_MAX = 32;
/** An OPENED or OPEN_SHARD that does not come within this is asked for again, in milliseconds. */
const OPEN_PATIENCE_MS = 5000;

/** Who the session is, to the server. */
export interface SessionKey {
  readonly key: Uint8Array;
  readonly ttlMs: number;
}

/** What the writing of frames needs to know. */
interface Sending {
  readonly nowMs: number;
  readonly requestsMax: number;
  /** Whether the shard's OPEN_SHARD has come. */
  readonly isOpened: (shard: number) => boolean;
  /** The next id of the client: ids grow. */
  readonly takeId: () => number;
}

/** A keep-alive that has not been answered by all shards. */
export interface KeepAlive {
  readonly sentMs: number;
  /** Shards in which the session held something when it was sent. */
  readonly expected: readonly number[];
  /** Shards that have answered. */
  readonly shards: Set<number>;
}

/** The state of the path to one worker. */
export class WorkerPath {
  readonly worker: number;
  /** A connection that reaches the worker is there. */
  connected = false;
  state: "closed" | "opening" | "open" = "closed";
  /** The id of the OPEN under way. */
  openId = 0;
  /** The path's number; 0: none. */
  path = 0;
  /** Not opened again before. */
  retryAtMs = 0;
  readonly sendings: Sendings = new Sendings();
  /** Sent at some time and without an answer, by id, which grows. */
  readonly unanswered: Map<number, Request> = new Map();
  /** Never sent. */
  queue: Request[] = [];
  /** How many claims the session has in the worker's shards. */
  claimCount = 0;
  /** Keep-alives under way, by id. */
  readonly keepAlives: Map<number, KeepAlive> = new Map();
  /** When the next keep-alive is due. */
  keepAliveAtMs: number = Number.POSITIVE_INFINITY;
  readonly #seen: SeenRanges = new SeenRanges();
  #openedAtMs = 0;
  /** How many of `unanswered` are in doubt. */
  #doubts = 0;
  /** Those that are to be sent again; one that was answered meanwhile has another state. */
  #resends: Request[] = [];
  #count = 0;
  #lastId = 0;

  constructor(worker: number) {
    this.worker = worker;
  }

  /** Whether a path is wanted, apart from claims. */
  hasRequests(): boolean {
    return this.queue.length > 0 || this.unanswered.size > 0;
  }

  /** The path is no more: whatever was sent on it may or may not have happened. */
  close(retryAtMs: number): void {
    this.state = "closed";
    this.path = 0;
    this.retryAtMs = retryAtMs;
    this.sendings.clear();
    this.keepAlives.clear();
    for (const request of this.unanswered.values()) request.state = "in-doubt";
    this.#doubts = this.unanswered.size;
    this.#resends = [];
  }

  /** The shard has told about a request in doubt: it waits there in its place. */
  stillWaits(request: Request): void {
    this.#leaveDoubt(request);
    request.state = "sent";
  }

  /** The shard knows the session, and nothing of this request: it goes again with its old id. */
  sendAgain(request: Request): void {
    this.#leaveDoubt(request);
    request.state = "resend";
    this.#resends.push(request);
  }

  /** The session is new in the shard: the request goes with a new id. */
  sendAnew(request: Request): void {
    this.answered(request.id);
    request.state = "queued";
    request.id = 0;
    this.queue.push(request);
  }

  /** A count for a group or keep-alive that is about to be sent (it names `heardCount` of later answers). */
  takeCount(nowMs: number): number {
    this.#count += 1;
    this.sendings.sent(this.#count, nowMs);
    return this.#count;
  }

  /** The message that opens the path. */
  open(session: SessionKey, id: number, nowMs: number): OutgoingFrame {
    assert(this.connected && this.state === "closed", "R-18: a path is opened once, over a connection");
    this.state = "opening";
    this.openId = id;
    this.#openedAtMs = nowMs;
    this.#seen.rebuild(this.unanswered.keys(), this.#lastId);
    const told = this.#seen.told(Number.POSITIVE_INFINITY);
    const fields = [session.key, session.ttlMs, this.#seen.through(), told];
    return { worker: this.worker, messages: [[KIND_OPEN, id, this.worker, [fields]]] };
  }

  /** Whether the opening has taken so long that it is to be tried anew. */
  openingIsStuck(nowMs: number): boolean {
    if (nowMs - this.#openedAtMs < OPEN_PATIENCE_MS) return false;
    return this.state === "opening" || (this.state === "open" && this.#doubts > 0);
  }

  /** The request has its answer, or was given up while it had no effect; undefined if there is none of that id. */
  answered(id: number): Request | undefined {
    const request = this.unanswered.get(id);
    if (request === undefined) return undefined;
    if (request.state === "in-doubt") this.#leaveDoubt(request);
    request.state = "sent";
    this.unanswered.delete(id);
    this.#seen.add(id, id);
    return request;
  }

  #leaveDoubt(request: Request): void {
    assert(request.state === "in-doubt" && this.#doubts > 0, "R-18: only a request in doubt is resolved");
    this.#doubts -= 1;
  }

  /** Takes in requests that had an id on another worker: their shard has moved here. The path must be closed. */
  adopt(requests: readonly Request[]): void {
    assert(this.state === "closed", "R-18: a path is opened after its worker has the shard");
    const all = [...this.unanswered.values(), ...requests].sort((one, other) => one.id - other.id);
    this.unanswered.clear();
    for (const request of all) this.unanswered.set(request.id, request);
    this.close(this.retryAtMs);
    this.#lastId = Math.max(this.#lastId, all.at(-1)?.id ?? 0);
  }

  /**
   * The frames of what can be sent now, each with at most `requestsMax` requests.
   */
  writeFrames(sending: Sending): OutgoingFrame[] {
    const { nowMs, requestsMax, isOpened, takeId } = sending;
    if (this.state !== "open" || this.#doubts > 0) return [];
    const ready = [...this.#takeResends(), ...this.#fresh(isOpened, nowMs)];
    const frames: OutgoingFrame[] = [];
    for (let at = 0; at < ready.length; at += requestsMax) {
      const slice = ready.slice(at, at + requestsMax);
      for (const request of slice) this.#number(request, nowMs, takeId);
      const ranges = this.#seen.told(RANGES_MAX);
      const header: Message = [KIND_GROUP, this.path, this.takeCount(nowMs), this.#seen.through(), ...ranges];
      frames.push({ worker: this.worker, messages: [header, ...slice.map(messageOf)] });
    }
    return frames;
  }

  #number(request: Request, nowMs: number, takeId: () => number): void {
    if (request.state === "queued") {
      request.id = takeId();
      request.firstSentMs = nowMs;
      assert(request.id > this.#lastId, "R-18: ids grow on a path");
      this.#seen.add(this.#lastId + 1, request.id - 1); // Ids that this worker never sees count as seen.
      this.#lastId = request.id;
      this.unanswered.set(request.id, request);
    }
    request.state = "sent";
  }

  #takeResends(): Request[] {
    const ready = this.#resends.filter((request) => request.state === "resend").sort((one, other) => one.id - other.id);
    this.#resends = [];
    return ready;
  }

  #fresh(isOpened: (shard: number) => boolean, nowMs: number): Request[] {
    const ready: Request[] = [];
    const held: Request[] = [];
    for (const request of this.queue) {
      if (request.unwanted) continue; // Its caller gave up before anything was sent.
      const waitIsUnsent = request.wait !== undefined && request.wait.id === 0;
      const isDue = isOpened(request.shard) && !waitIsUnsent && nowMs >= request.notBeforeMs;
      (isDue ? ready : held).push(request);
    }
    this.queue = held;
    return ready;
  }
}

/** The bytes' fields of a request that has its id. */
function messageOf(request: Request): Message {
  const tail = request.wait === undefined ? request.tail : [request.wait.id];
  return [request.kind, request.id, request.resource, ...tail];
}
