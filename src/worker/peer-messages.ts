/**
 * What replicas say to each other, to fields and back (protocol/peer-frames.ts has the frame around them). Nothing that
 * came from outside gets further than this file before it has the shape of its kind: a frame with one wrong message, or
 * one entry whose checksum is wrong, is refused whole.
 */
import type { Configuration } from "../words/configuration.js";
import { type Epoch, epoch, type Lsn, lsn, type ShardIndex, shardIndex, type ShardMs, shardMs } from "../words/ids.js";
import { unreachable } from "../words/assert.js";
import { decodePeerFrame, encodePeerFrame, isCount, type PeerField } from "../protocol/peer-frames.js";
import { type Entry, type Position, readEntry } from "../replication/entry.js";
import type { Frame } from "../replication/link.js";
import type { Envelope, Message, Refusal, Said } from "../replication/messages.js";

const KINDS: readonly Said["kind"][] = [
  "office",
  "where",
  "begin",
  "entries",
  "refuse",
  "fetch",
  "tail",
  "pages",
  "ask",
  "here",
  "tell",
  "hand-over",
  "lost-data",
  "digest",
  "leave",
];
const REFUSALS: readonly Refusal[] = ["smaller-epoch", "gap", "no-part"];

/** The bytes of a frame. */
export function encodeFrame(frame: Frame): Uint8Array {
  return encodePeerFrame({ ...frame, messages: frame.messages.map(fieldsOf) });
}

/** @returns null for bytes that are no frame, or of which any part is not what it says */
export function decodeFrame(bytes: Uint8Array): Frame | null {
  const frame = decodePeerFrame(bytes);
  if (frame === null) return null;
  const messages: Message[] = [];
  for (const fields of frame.messages) {
    const message = messageOf(fields);
    if (message === null) return null;
    messages.push(message);
  }
  return { ...frame, messages };
}

function fieldsOf(message: Message): readonly PeerField[] {
  const { shard, from, to, epoch: known } = message;
  return [KINDS.indexOf(message.kind), shard, from, to, known, ...saidOf(message)];
}

function saidOf(said: Said): readonly PeerField[] {
  switch (said.kind) {
    case "office":
      return [said.stream, configurationOf(said.configuration)];
    case "where":
      return [said.stream, said.positions.map(positionOf), said.committed, said.stamp];
    case "begin":
      return [said.stream, positionOf(said.after), said.stamp];
    case "fetch":
      return [said.stream, positionOf(said.after)];
    case "entries":
      return [said.stream, said.entries.map(bytesOf), said.committed, said.stamp, said.digestAt];
    case "refuse":
      return [said.stream, said.reason, said.configuration === null ? null : configurationOf(said.configuration)];
    case "tail":
      return [said.stream, positionOf(said.after), said.entries.map(bytesOf)];
    case "pages":
      return [said.stream, said.number, positionOf(said.position), [...said.pages], said.isLast];
    case "here":
      return [said.isControlPlaneOlder];
    case "tell":
      return [configurationOf(said.configuration)];
    case "lost-data":
      return [said.committed];
    case "digest":
      return [said.lsn, said.digest];
    case "ask":
    case "hand-over":
    case "leave":
      return [];
    default:
      return unreachable(said);
  }
}

function positionOf({ epoch: number, lsn: end, checksum }: Position): PeerField {
  return [number, end, checksum];
}
function bytesOf({ bytes }: Entry): PeerField {
  return bytes;
}
function configurationOf(configuration: Configuration): PeerField {
  const { shard, epoch: number, era, primary, inSync, replicas, nonce } = configuration;
  return [shard, number, era, primary, [...inSync], [...replicas], nonce];
}

/** What is wrong with a field; caught where a frame is read. */
class Malformed extends Error {
  override readonly name = "Malformed";
}

function messageOf(fields: readonly unknown[]): Message | null {
  try {
    const read = new Reader(fields);
    const kind = KINDS[read.count()];
    const envelope: Envelope = { shard: read.shard(), from: read.text(), to: read.text(), epoch: read.epoch() };
    return kind === undefined ? null : readSaid(kind, envelope, read);
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function readSaid(kind: Said["kind"], envelope: Envelope, read: Reader): Message {
  switch (kind) {
    case "office":
      return { ...envelope, kind, stream: read.count(), configuration: read.configuration() };
    case "where": {
      const { shard, from, to, epoch: known } = envelope; // These two come with each heartbeat: a spread is dear.
      const [stream, positions] = [read.count(), read.positions()];
      return { shard, from, to, epoch: known, kind, stream, positions, committed: read.lsn(), stamp: read.stamp() };
    }
    case "begin":
      return { ...envelope, kind, stream: read.count(), after: read.position(), stamp: read.stamp() };
    case "fetch":
      return { ...envelope, kind, stream: read.count(), after: read.position() };
    case "entries": {
      const { shard, from, to, epoch: known } = envelope;
      const [stream, entries, committed] = [read.count(), read.entries(), read.lsn()];
      const [stamp, digestAt] = [read.stamp(), read.lsn()];
      return { shard, from, to, epoch: known, kind, stream, entries, committed, stamp, digestAt };
    }
    case "refuse":
      return { ...envelope, kind, stream: read.count(), reason: read.refusal(), configuration: read.perhaps() };
    case "tail":
      return { ...envelope, kind, stream: read.count(), after: read.position(), entries: read.entries() };
    case "pages": {
      const [stream, number, position] = [read.count(), read.count(), read.position()];
      return { ...envelope, kind, stream, number, position, pages: read.blobs(), isLast: read.flag() };
    }
    case "here":
      return { ...envelope, kind, isControlPlaneOlder: read.flag() };
    case "tell":
      return { ...envelope, kind, configuration: read.configuration() };
    case "lost-data":
      return { ...envelope, kind, committed: read.lsn() };
    case "digest":
      return { ...envelope, kind, lsn: read.lsn(), digest: read.text() };
    case "ask":
    case "hand-over":
    case "leave":
      return { ...envelope, kind };
    default:
      return unreachable(kind);
  }
}

/** Takes fields one after the other. @throws Malformed at the first that is not what belongs there */
class Reader {
  readonly #fields: readonly unknown[];
  #next = 0;

  constructor(fields: readonly unknown[]) {
    this.#fields = fields;
  }

  count(): number {
    const value = this.#take();
    return isCount(value) ? value : this.#refuse();
  }
  shard(): ShardIndex {
    return shardIndex(this.count());
  }
  epoch(): Epoch {
    return epoch(this.count());
  }
  lsn(): Lsn {
    return lsn(this.count());
  }
  /** Shard time has a fraction. */
  stamp(): ShardMs {
    const value = this.#take();
    return typeof value === "number" && Number.isFinite(value) && value >= 0 ? shardMs(value) : this.#refuse();
  }
  text(): string {
    const value = this.#take();
    return typeof value === "string" ? value : this.#refuse();
  }
  flag(): boolean {
    const value = this.#take();
    return typeof value === "boolean" ? value : this.#refuse();
  }
  refusal(): Refusal {
    const value = this.text();
    return REFUSALS.find((reason) => reason === value) ?? this.#refuse();
  }
  position(): Position {
    const read = new Reader(this.#list());
    return { epoch: read.epoch(), lsn: read.lsn(), checksum: read.count() };
  }
  positions(): readonly Position[] {
    return this.#list().map((one) => new Reader([one]).position());
  }
  /** Copies: the replica keeps them, and the frame's bytes are lent. */
  blobs(): readonly Uint8Array[] {
    return this.#list().map((one) => (one instanceof Uint8Array ? Uint8Array.from(one) : this.#refuse()));
  }
  entries(): readonly Entry[] {
    return this.blobs().map((bytes) => readEntry(bytes) ?? this.#refuse());
  }
  configuration(): Configuration {
    const read = new Reader(this.#list());
    return {
      shard: read.shard(),
      epoch: read.epoch(),
      era: read.count(),
      primary: read.text(),
      inSync: read.texts(),
      replicas: read.texts(),
      nonce: read.text(),
    };
  }
  perhaps(): Configuration | null {
    if (this.#fields[this.#next] !== null) return this.configuration();
    this.#next++;
    return null;
  }
  texts(): readonly string[] {
    return this.#list().map((one) => (typeof one === "string" ? one : this.#refuse()));
  }

  #list(): readonly unknown[] {
    const value = this.#take();
    return Array.isArray(value) ? value : this.#refuse();
  }
  #take(): unknown {
    return this.#fields[this.#next++];
  }
  #refuse(): never {
    throw new Malformed(`field ${this.#next}`);
  }
}
