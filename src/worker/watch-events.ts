/**
 * Events of the log as watches tell them: which of them are told, of which resource, and who it was. The same for what
 * happens now and for what is read back from the log.
 */
import { CLIENT_SESSION } from "../words/event-kinds.js";
import {
  EVENT_BEGAN,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_REVOKED,
} from "../words/event-kinds.js";
import {
  KIND_EVENT,
  WATCH_EXPIRED,
  WATCH_FORCED,
  WATCH_GRANTED,
  WATCH_RELEASED,
  WATCH_REVOKED,
} from "../words/kinds.js";
import { CLIENT_BARE, CLIENT_FREE } from "../engine/clients.js";
import type { FrameWriter } from "../protocol/writer.js";
import type { Shard } from "../shard/shard.js";
import {
  ENTRY_HEADER_SIZE,
  EVENT_LONG_SIZE,
  EVENT_SHORT_SIZE,
  eventClient,
  eventFlags,
  eventKind,
  eventNameSize,
  eventRow,
  eventSeenCount,
  eventSize,
  eventToken,
} from "../tables/events.js";

/** Events that a watch tells, by kind. */
const TOLD = new Map<number, number>([
  [EVENT_GRANTED, WATCH_GRANTED],
  [EVENT_GRANTED_WAITER, WATCH_GRANTED],
  [EVENT_RELEASED, WATCH_RELEASED],
  [EVENT_EXPIRED, WATCH_EXPIRED],
  [EVENT_FORCED, WATCH_FORCED],
  [EVENT_REVOKED, WATCH_REVOKED],
]);
const FIELDS = 10;
/** Those of whom more is remembered than that are forgotten, the oldest first. */
const REMEMBERED_MAX = 65_536;

/** Who a claim belongs to. Both are empty where neither the tables nor the log that was read tell it. */
export interface Who {
  readonly principal: string;
  /** The public id of the session; empty for somebody without one. */
  readonly client: string;
}

const NOBODY: Who = { principal: "", client: "" };

/** An entry of the log: where it lies, and its first LSN. */
export interface Entry {
  readonly shard: Shard;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** Where it begins, its header included, and where it ends. */
  readonly at: number;
  readonly end: number;
  readonly firstLsn: number;
}

/** One event that is told. */
export interface ToldEvent {
  readonly entry: Entry;
  readonly at: number;
  readonly lsn: number;
  readonly told: number;
  readonly resource: string;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Calls `each` for the told events of an entry, in order, and `began` for each client that begins in it. */
export function forEachTold(
  entry: Entry,
  each: (event: ToldEvent) => void,
  began: (at: number, lsn: number) => void,
): void {
  const { view, bytes, end } = entry;
  let lsn = entry.firstLsn;
  for (let at = entry.at + ENTRY_HEADER_SIZE; at < end; at += eventSize(view, at), lsn++) {
    const kind = eventKind(view, at);
    const told = TOLD.get(kind);
    if (told !== undefined) {
      const nameAt = at + (kind === EVENT_RELEASED ? EVENT_SHORT_SIZE : EVENT_LONG_SIZE) + eventSeenCount(view, at) * 8;
      const resource = decoder.decode(bytes.subarray(nameAt, nameAt + eventNameSize(view, at)));
      each({ entry, at, lsn, told, resource });
    } else if (kind === EVENT_BEGAN) began(at, lsn);
  }
}

/** Writes EVENT: [42, watchId, event, resource, lsn, token, mode, client, principal, cursor] */
export function writeEvent(writer: FrameWriter, watchId: number, event: ToldEvent, who: Who): void {
  const { entry, lsn, told, resource } = event;
  writer.message(FIELDS, KIND_EVENT);
  writer.integer(watchId);
  writer.integer(told);
  writer.string(resource);
  writer.integer(lsn);
  writer.integer(tokenOf(event));
  writer.integer(eventFlags(entry.view, event.at) & 3);
  writer.string(who.client);
  writer.string(who.principal);
  writer.string(`${entry.shard.index}.${lsn}`);
}

/** The LSN of a grant is its token; every other event names the token of its claim. */
function tokenOf({ entry, at, lsn, told }: ToldEvent): number {
  return told === WATCH_GRANTED ? lsn : eventToken(entry.view, at);
}

/**
 * Who the clients of events are. The tables know who has a row now; of a row that was given to somebody else since, or
 * to nobody, only the log itself tells, if it was read from where that client began.
 */
export class Whoever {
  readonly #began = new Map<string, Who>();
  readonly #byToken = new Map<string, Who>();

  /** A client begins: from here on the row is theirs. */
  noteBegan(entry: Entry, at: number): void {
    const { view, bytes, shard } = entry;
    const nameAt = at + EVENT_LONG_SIZE + eventSeenCount(view, at) * 8;
    const principal = decoder.decode(bytes.subarray(nameAt, nameAt + eventNameSize(view, at)));
    const isSession = (eventFlags(view, at) & CLIENT_SESSION) !== 0;
    const client = isSession ? publicId(view.getUint32(at + 52, true), view.getUint32(at + 64, true)) : "";
    remember(this.#began, `${shard.index}.${eventRow(view, at)}`, { principal, client });
  }

  /** Entries that follow don't follow what was read so far: what began there may have ended in between. */
  forgetBegan(): void {
    this.#began.clear();
  }

  /** @param isInTable whether the row is still, or already, that of the event's client. */
  of(event: ToldEvent, isInTable: (row: number) => boolean): Who {
    const { shard, view } = event.entry;
    const row = eventClient(view, event.at);
    const key = `${shard.index}.${tokenOf(event)}`;
    const who =
      this.#began.get(`${shard.index}.${row}`) ??
      (isInTable(row) ? whoHas(shard, row) : undefined) ??
      this.#byToken.get(key) ??
      NOBODY;
    if (event.told === WATCH_GRANTED) remember(this.#byToken, key, who);
    else if (event.told !== WATCH_REVOKED) this.#byToken.delete(key);
    return who;
  }
}

/** Whoever has this row of the shard's clients now; undefined if it is nobody's. */
function whoHas(shard: Shard, row: number): Who | undefined {
  const { clients } = shard.state;
  if (row === 0 || clients.state(row) === CLIENT_FREE) return undefined;
  const isBare = clients.state(row) === CLIENT_BARE;
  const client = isBare ? "" : publicId(clients.publicId(row, 0), clients.publicId(row, 1));
  const size = clients.names.copyTo(clients.principal(row), scratch, 0);
  return { principal: decoder.decode(scratch.subarray(0, size)), client };
}

const scratch = new Uint8Array(1_100);

function publicId(first: number, second: number): string {
  return [first, second].map((half) => half.toString(16).padStart(8, "0")).join("");
}

function remember(map: Map<string, Who>, key: string, who: Who): void {
  map.delete(key);
  map.set(key, who);
  if (map.size <= REMEMBERED_MAX) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
