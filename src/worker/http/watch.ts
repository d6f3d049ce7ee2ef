/**
 * GET /v1/watch: what happens to resources, as server-sent events. Each worker of the node tells of its own shards, so a
 * stream has a watch on every one that may have what it asks for; the id of each event is the cursor of all together.
 */
import { randomBytes } from "node:crypto";
import { SESSION_KEY_SIZE } from "../../words/kinds.js";
import type { Push } from "../../protocol/server-messages.js";
import { readWatchCursor } from "../watches.js";
import { claimJson } from "./answers.js";
import type { Call } from "./call.js";
import type { EventStream } from "./event-stream.js";
import { readPages } from "./observe.js";
import { Refusal } from "./reply.js";
import type { WatchQuery } from "./requests.js";

/** How many claims a `resync` tells at most; where there are more, list has them all. */
const RESYNC_CLAIMS_MAX = 10_000;

type Event = Push & { readonly kind: "event" };

/** Serves the stream until its client goes, or the node does. @throws Refusal before the stream has begun */
export async function watch(call: Call, { pattern, cursor }: WatchQuery): Promise<undefined> {
  const { line, desk, exchange } = call;
  const since = exchange.head.lastEventId === "" ? (cursor ?? "") : exchange.head.lastEventId;
  if (readWatchCursor(since) === undefined) {
    throw new Refusal("cursor-invalid", "the cursor is none that a watch has given; begin without one");
  }
  const early: Event[] = [];
  line.onEvent = (event) => early.push(event);
  const place = new Place(pattern.endsWith("*") ? undefined : call.placeOf(pattern).shard);
  const isBehind = await begin(call, { pattern, since, place });
  const stream = exchange.stream(desk.limits.unsentBytesMax);
  stream.begin(place.cursor);
  if (isBehind) await resync(call, { pattern, place, stream });
  for (const event of early) tell(stream, place, event);
  line.onEvent = (event) => {
    tell(stream, place, event);
  };
  await Promise.race([stream.ended, call.interrupted]);
  stream.end();
  return undefined;
}

/** How far a stream has come, in each shard that it watches. */
class Place {
  readonly #lsns = new Map<number, number>();
  readonly #only: number | undefined;

  /** @param only the one shard that matters, where there is but one */
  constructor(only: number | undefined) {
    this.#only = only;
  }

  /** Moves on to a cursor of one worker, or of one event. */
  move(cursor: string): void {
    for (const [shard, lsn] of readWatchCursor(cursor) ?? []) {
      if (this.#only === undefined || this.#only === shard) this.#lsns.set(shard, lsn);
    }
  }

  get cursor(): string {
    return Array.from(this.#lsns, ([shard, lsn]) => `${shard}.${lsn}`).join(",");
  }
}

/** Begins the watch on each worker; answers whether one has no events from the cursor on. */
async function begin(call: Call, asked: { pattern: string; since: string; place: Place }): Promise<boolean> {
  const { line, desk } = call;
  const { pattern, since, place } = asked;
  let isBehind = false;
  for (const worker of workersOf(call, pattern)) {
    const path = worker === desk.worker ? 0 : await openPathTo(call, worker);
    const begun = await line.watch(path, pattern, since === "" ? undefined : since);
    place.move(begun.cursor);
    if (begun.kind === "resync") isBehind = true;
  }
  return isBehind;
}

/** One name is in one shard; names with a beginning in common are everywhere. */
function workersOf(call: Call, pattern: string): readonly number[] {
  if (!pattern.endsWith("*")) return [call.placeOf(pattern).worker];
  return Array.from({ length: call.desk.workers }, (_, worker) => worker);
}

/** A path is what leads requests to a certain worker; its session never has anything. */
async function openPathTo({ line, desk }: Call, worker: number): Promise<number> {
  const shard = desk.workerOfShard.indexOf(worker);
  const { path } = await line.open({ worker, shard, key: randomBytes(SESSION_KEY_SIZE), ttlMs: desk.limits.ttlMaxMs });
  return path;
}

/** What lies between is gone: tells what holds and waits now. */
async function resync(call: Call, at: { pattern: string; place: Place; stream: EventStream }): Promise<void> {
  const { pattern, place, stream } = at;
  const isPrefix = pattern.endsWith("*");
  const prefix = isPrefix ? pattern.slice(0, -1) : pattern;
  const page = await readPages(call.line, { prefix, claimsMax: RESYNC_CLAIMS_MAX, cursor: undefined });
  const claims = page.claims.filter(({ resource }) => isPrefix || resource === pattern).map(claimJson);
  const data = { kind: "resync", claims, complete: page.cursor === undefined };
  stream.send({ event: "resync", id: place.cursor, data });
}

function tell(stream: EventStream, place: Place, event: Event): void {
  place.move(event.cursor);
  const { event: kind, resource, token, mode, client, principal, lsn } = event;
  stream.send({ event: kind, id: place.cursor, data: { kind, resource, token, mode, client, principal, lsn } });
}
