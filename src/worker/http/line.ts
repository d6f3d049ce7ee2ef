/**
 * An HTTP request as a client of the binary protocol, inside the process: it has a connection of its own, so that
 * forwarding, sessions and watches are the same code for both. A line lives as long as its request.
 */
import {
  KIND_ACQUIRE,
  KIND_CHECK,
  KIND_CLOSE,
  KIND_GROUP,
  KIND_KEEPALIVE,
  KIND_LIST,
  KIND_OPEN,
  KIND_RENEW,
  KIND_WATCH,
} from "../../words/kinds.js";
import { decodeFrame, encodeFrame, type Field, type Message } from "../../protocol/client-codec.js";
import { ProtocolError } from "../../protocol/fields.js";
import type { Answer, Push, ServerMessage, SessionOpened } from "../../protocol/server-messages.js";
import type { Connection } from "../connections.js";
import type { Front } from "../front.js";
import { Refusal } from "./reply.js";

/** Ids below are a session's, chosen by whoever opens its path; each id names one answer of the line. */
const OWN_IDS_FROM = 2 ** 20;
export const ANSWER_WITHIN_MS: number = 20_000;
/** The fault of a request that found its shard between two primaries, and when it is sent again. */
export const NOT_NOW = "no-primary";
const ASK_AGAIN_MS = 60;
/** What may happen twice is sent again, if the worker that was to answer it is gone with it. */
const REPEATED: ReadonlySet<number> = new Set([KIND_CHECK, KIND_LIST, KIND_RENEW]);
const REPEAT_AFTER_MS = 3_000;

/** Who a line speaks for. */
export interface Caller {
  readonly principal: string;
  readonly address: string;
}

/** What a path is opened for. */
export interface Opening {
  readonly worker: number;
  /** Of whose record the opener wants to know. */
  readonly shard: number;
  /** 16 bytes. */
  readonly key: Uint8Array;
  readonly ttlMs: number;
}

/** A path that is open, and what the asked shard knows of its session; undefined: it is new there. */
export interface OpenPath {
  readonly kind: "path";
  readonly path: number;
  readonly record: SessionOpened | undefined;
}

/** A request on a session's path. */
export interface PathRequest {
  readonly path: number;
  /** Below 2^20, and above all that this path had before. */
  readonly id: number;
  readonly kind: number;
  readonly fields: readonly Field[];
  /** Milliseconds that the request may be waiting by its own will, beyond the time that any answer may take. */
  readonly waitMs?: number;
}

type Watched = Push & { readonly kind: "event" };
type Resync = Push & { readonly kind: "resync" };
/** How a watch begins on one worker. */
type Begun = (Answer & { readonly kind: "watching" }) | Resync;
type Heard = Answer | Begun | OpenPath;

interface Pending {
  readonly path: number;
  readonly messages: readonly Message[];
  readonly timer: NodeJS.Timeout;
  readonly resolve: (message: Heard) => void;
  readonly reject: (refusal: Refusal) => void;
}

export class Line {
  readonly #front: Front;
  readonly #connection: Connection;
  readonly #pending = new Map<number, Pending>();
  /** Paths that are being opened, by the id of the OPEN: the path's number comes first, the record behind it. */
  readonly #openings = new Map<number, { readonly shard: number; path: number }>();
  #lastId = OWN_IDS_FROM;
  #sendings = 0;
  #isOpen = true;
  /** Called when a path's session was kept alive in a shard. */
  onKept: (path: number) => void = () => undefined;
  /** Called for each event of this line's watches, and where one has to begin anew. */
  onPush: (push: Watched | Resync) => void = () => undefined;
  /** Bytes that the client of this line has not read. */
  unsentBytes: () => number = () => 0;

  /** @throws Refusal `overloaded` if the worker has as many connections as it takes */
  constructor(front: Front, caller: Caller) {
    this.#front = front;
    const connection = front.connect(
      {
        send: (frame) => {
          this.#receive(frame);
        },
        close: (_code, reason) => {
          this.#refuseAll(new Refusal("internal", reason));
        },
        isInside: true,
        unsentBytes: () => this.unsentBytes(),
      },
      caller.address,
    );
    if (connection === undefined) {
      throw new Refusal("overloaded", "this worker has as many connections as it takes; try again in a moment");
    }
    this.#connection = connection;
    front.identify(connection, Buffer.from(caller.principal));
  }

  /** Asks without a session. @throws Refusal with the fault's code; `in-doubt` if no answer comes */
  ask(kind: number, ...fields: readonly Field[]): Promise<Answer> {
    const id = this.#nextId();
    const answer = this.#expect({ path: 0, id, waitMs: 0 }, [[kind, id, ...fields]]).then(answered);
    if (REPEATED.has(kind)) this.#repeat(id);
    return answer;
  }

  #repeat(id: number): void {
    setTimeout(() => {
      const pending = this.#pending.get(id);
      if (pending === undefined) return;
      this.#send(pending.messages);
      this.#repeat(id);
    }, REPEAT_AFTER_MS).unref();
  }

  /** Asks on a path. @throws Refusal as {@link ask}; `in-use-elsewhere` if the session gets another path */
  askOn(request: PathRequest): Promise<Answer> {
    const { path, id, kind, fields, waitMs = 0 } = request;
    const seenThrough = kind === KIND_ACQUIRE ? id - 1 : 0; // Of earlier ids nothing is asked any more.
    return this.#expect({ path, id, waitMs }, [this.#group(path, seenThrough), [kind, id, ...fields]]).then(answered);
  }

  /** Opens a session's path on a worker, which voids the session's older one there. @throws Refusal */
  async open({ worker, shard, key, ttlMs }: Opening): Promise<OpenPath> {
    const id = this.#nextId();
    this.#openings.set(id, { shard, path: 0 });
    const opened = await this.#expect({ path: 0, id, waitMs: 0 }, [[KIND_OPEN, id, worker, [[key, ttlMs]]]]);
    if (opened.kind === "path") return opened;
    throw unexpected(opened.kind);
  }

  /** Begins a watch, of all that the node has. What comes before the answer goes to `onPush` too. @throws Refusal */
  async watch(pattern: string, cursor: string | undefined): Promise<Begun> {
    const id = this.#nextId();
    const begun = await this.#expect({ path: 0, id, waitMs: 0 }, [[KIND_WATCH, id, pattern, cursor ?? null]]);
    if (begun.kind === "watching" || begun.kind === "resync") return begun;
    throw unexpected(begun.kind);
  }

  /** Keeps a path's session alive. Belief does not rest on the answer: `onKept` says that its worker is there. */
  keepAlive(path: number): void {
    this.#sendings++;
    this.#send([[KIND_KEEPALIVE, this.#nextId(), this.#sendings, [path]]]);
  }

  /** Ends a path's session. */
  closeSession(path: number): void {
    this.#send([[KIND_CLOSE, this.#nextId(), path]]);
  }

  /** Ends the line: what is still on its way is executed, and answered to nobody. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
    this.#openings.clear();
    this.#front.disconnect(this.#connection);
  }

  #nextId(): number {
    this.#lastId++;
    return this.#lastId;
  }

  #group(path: number, seenThrough: number): Message {
    this.#sendings++;
    return [KIND_GROUP, path, this.#sendings, seenThrough];
  }

  #send(messages: readonly Message[]): void {
    if (this.#isOpen) this.#front.receive(this.#connection, encodeFrame(messages));
  }

  #expect(asked: { path: number; id: number; waitMs: number }, messages: readonly Message[]): Promise<Heard> {
    const { path, id } = asked;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const why = `no answer within ${ANSWER_WITHIN_MS} ms: whether it has happened is not known; check before you try again`;
        this.#refuse(id, new Refusal("in-doubt", why));
      }, asked.waitMs + ANSWER_WITHIN_MS);
      this.#pending.set(id, { path, messages, timer, resolve, reject });
      this.#send(messages);
    });
  }

  /** Called in the middle of a turn, which must not end early because an answer is not what we think. */
  #receive(frame: Uint8Array): void {
    try {
      for (const message of decodeFrame(frame)) this.#take(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuseAll(new Refusal("internal", error.message));
    }
  }

  #take(message: ServerMessage): void {
    switch (message.kind) {
      case "welcome":
      case "group":
      case "claim-ended":
      case "session-ended":
      case "going-away":
      case "unknown":
        return;
      case "kept":
        for (const { path } of message.marks) this.onKept(path);
        return;
      case "opened":
        return this.#takeOpened(message.id, message.paths);
      case "open-shard":
        return this.#takeRecord(message.id, message.shard, message.sessions);
      case "in-use-elsewhere":
        return this.#takeVoid(message.path);
      case "event":
        return this.onPush(message);
      case "resync":
        if (this.#pending.has(message.watchId)) return this.#resolve(message.watchId, message);
        return this.onPush(message);
      case "fault":
        if (message.id === 0) return this.#refuseAll(new Refusal(message.code, message.message));
        if (message.code === NOT_NOW && this.#againSoon(message.id)) return;
        return this.#refuse(message.id, new Refusal(message.code, message.message));
      case "moved":
        return this.#refuse(message.id, new Refusal(NOT_NOW, "the shard has moved; try again"));
      case "granted":
      case "busy":
      case "timed-out":
      case "cancelled":
      case "abandoned":
      case "released":
      case "not-held":
      case "renewed":
      case "revoked":
      case "checked":
      case "already-granted":
      case "not-waiting":
      case "position":
      case "done":
      case "listed":
      case "watching":
      case "status":
        return this.#resolve(message.id, message);
    }
  }

  /** Nothing was done, because no primary was there: asked again while the time of an answer lasts. */
  #againSoon(id: number): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.path !== 0 || this.#openings.has(id)) return false;
    setTimeout(() => {
      if (this.#pending.has(id)) this.#send(pending.messages);
    }, ASK_AGAIN_MS);
    return true;
  }

  #resolve(id: number, message: Heard): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    pending.resolve(message);
  }

  #refuse(id: number, refusal: Refusal): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    this.#openings.delete(id);
    clearTimeout(pending.timer);
    pending.reject(refusal);
  }

  #refuseAll(refusal: Refusal): void {
    for (const id of [...this.#pending.keys()]) this.#refuse(id, refusal);
  }

  #takeOpened(id: number, paths: readonly number[]): void {
    const opening = this.#openings.get(id);
    if (opening !== undefined) opening.path = paths[0] ?? 0;
  }

  #takeRecord(id: number, shard: number, sessions: readonly SessionOpened[]): void {
    const opening = this.#openings.get(id);
    if (opening?.shard !== shard) return;
    this.#openings.delete(id);
    const { path } = opening;
    this.#resolve(id, { kind: "path", path, record: sessions.find((session) => session.path === path) });
  }

  #takeVoid(path: number): void {
    const why = "another request with this idempotencyKey has come and takes this one's place";
    for (const [id, pending] of [...this.#pending]) {
      if (pending.path === path) this.#refuse(id, new Refusal("in-use-elsewhere", why));
    }
  }
}

function answered(heard: Heard): Answer {
  if (heard.kind === "resync" || heard.kind === "path") throw unexpected(heard.kind);
  return heard;
}

/** An answer of a kind that its request never has: our bug. */
export function unexpected(kind: string): Refusal {
  return new Refusal("internal", `the worker answered ${kind}, which is no answer to this request`);
}
