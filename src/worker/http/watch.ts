/**
 * GET /v1/watch: what happens to resources, as server-sent events. The id of each event is the cursor of all shards that
 * are watched, so that a client which comes again with it (Last-Event-ID) is told what has happened since.
 */
import type { Push } from "../../protocol/server-messages.js";
import { readWatchCursor, watchCursor } from "../watch-cursor.js";
import { claimJson } from "./answers.js";
import type { Call } from "./call.js";
import type { EventStream } from "./event-stream.js";
import { readPages } from "./observe.js";
import { Refusal } from "./reply.js";
import type { WatchQuery } from "./requests.js";

/** How many claims a `resync` tells at most; where there are more, list has them all. */
const RESYNC_CLAIMS_MAX = 10_000;

type Event = Push & { readonly kind: "event" };
type Resync = Push & { readonly kind: "resync" };

/** Serves the stream until its client goes, or the node does. @throws Refusal before the stream has begun */
export async function watch(call: Call, { pattern, cursor }: WatchQuery): Promise<undefined> {
  const { line, desk, exchange } = call;
  const since = exchange.head.lastEventId === "" ? (cursor ?? "") : exchange.head.lastEventId;
  if (readWatchCursor(since) === undefined) {
    throw new Refusal("cursor-invalid", "the cursor is none that a watch has given; begin without one");
  }
  const telling = new Telling(call, pattern);
  const begun = await line.watch(pattern, since === "" ? undefined : since);
  const stream = exchange.stream(desk.limits.unsentBytesMax);
  line.unsentBytes = () => stream.unsentBytes;
  telling.begin(stream, begun.cursor);
  if (begun.kind === "resync") await telling.resync();
  telling.goOn();
  await Promise.race([stream.ended, call.interrupted]);
  stream.end();
  return undefined;
}

/** How far a stream has come, in each shard that it watches. */
class Place {
  readonly #lsns = new Map<number, number>();

  /** Begins anew at a whole cursor. */
  set(cursor: string): void {
    this.#lsns.clear();
    this.move(cursor);
  }

  /** Moves on to the cursor of an event. */
  move(cursor: string): void {
    for (const [shard, lsn] of readWatchCursor(cursor) ?? []) this.#lsns.set(shard, lsn);
  }

  get cursor(): string {
    return watchCursor(this.#lsns);
  }
}

/** What the pushes of a watch become on its stream. While the state of now is read, events wait. */
class Telling {
  readonly #call: Call;
  readonly #pattern: string;
  readonly #place = new Place();
  #waiting: (Event | Resync)[] | undefined = [];
  #stream: EventStream | undefined;

  constructor(call: Call, pattern: string) {
    this.#call = call;
    this.#pattern = pattern;
    call.line.onPush = (push) => {
      this.#take(push);
    };
  }

  /** The stream is there; pushes still wait. */
  begin(stream: EventStream, cursor: string): void {
    this.#stream = stream;
    this.#place.set(cursor);
    stream.begin(this.#place.cursor);
  }

  /** Tells what has waited, and from now on whatever comes. */
  goOn(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const push of waiting) this.#take(push);
  }

  #take(push: Event | Resync): void {
    const stream = this.#stream;
    if (this.#waiting !== undefined || stream === undefined) {
      this.#waiting?.push(push);
      return;
    }
    if (push.kind === "event") return this.#tell(stream, push);
    this.#waiting = [];
    this.#place.set(push.cursor);
    void this.#resyncLate(stream);
  }

  async #resyncLate(stream: EventStream): Promise<void> {
    try {
      await this.resync();
      this.goOn();
    } catch {
      stream.end(); // The state can't be read: the client comes again and is told anew.
    }
  }

  #tell(stream: EventStream, event: Event): void {
    this.#place.move(event.cursor);
    const { event: kind, resource, token, mode, client, principal, lsn } = event;
    stream.send({
      event: kind,
      id: this.#place.cursor,
      data: { kind, resource, token, mode, client, principal, lsn },
    });
  }

  /** What lies between is gone: tells what holds and waits now. @throws Refusal if that can't be read */
  async resync(): Promise<void> {
    const isPrefix = this.#pattern.endsWith("*");
    const prefix = isPrefix ? this.#pattern.slice(0, -1) : this.#pattern;
    const page = await readPages(this.#call.line, { prefix, claimsMax: RESYNC_CLAIMS_MAX, cursor: undefined });
    const claims = page.claims.filter(({ resource }) => isPrefix || resource === this.#pattern).map(claimJson);
    const data = { kind: "resync", claims, complete: page.cursor === undefined };
    this.#stream?.send({ event: "resync", id: this.#place.cursor, data });
  }
}
