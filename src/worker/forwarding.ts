/**
 * Requests that belong to another worker of the node go there and their answers come back, in batches; here are both
 * ends: what our clients ask of others, and what others' clients ask of us. A forwarder never opens a path and never
 * sends twice (R-18).
 */
import { Packr } from "msgpackr";
import { KIND_GROUP } from "../words/kinds.js";
import { encodeFault, encodeGroup } from "../protocol/encode-replies.js";
import type { Connection, Connections, Receiver } from "./connections.js";
import type { ClusterMap } from "./handshake.js";
import {
  forEachRecord,
  type Peer,
  PEER_ANSWERS,
  PEER_CLOSED,
  PEER_OPENED,
  PEER_REQUESTS,
  PEER_WATCH,
  PEER_WORD,
  type PeerRecord,
} from "./peers.js";

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });
const ZERO = new Uint8Array([0]);
const NOTHING = new Uint8Array(0);
const FRAME_HEADER = 5;

/** What happens to a batch of requests that came from another worker. */
export interface ForwardedSink {
  connect(receiver: Receiver, address: string): Connection | undefined;
  /** False if there is no room for another path. */
  identify(connection: Connection, principal: Uint8Array): boolean;
  disconnect(connection: Connection): void;
  /** Decodes messages (without a frame's header) for a connection. */
  messages(connection: Connection, count: number, bytes: Uint8Array): void;
  principalOf(connection: Connection): Uint8Array;
}

export class Forwarding {
  readonly #peers: readonly (Peer | undefined)[];
  readonly #connections: Connections;
  /** Which peers know one of our connections. */
  readonly #known = new Map<Connection, Set<number>>();
  /** Connections of others, by worker and their number there. */
  readonly #theirs = new Map<string, Connection>();
  readonly #generations = new WeakMap<Connection, number>();
  #generation = 0;
  /** The cluster map as a client is sent it. */
  mapBytes: Uint8Array;
  sink: ForwardedSink | undefined;
  /** Told of each record about a watch (watch-line.ts). */
  onWatch: (worker: number, record: PeerRecord) => void = () => undefined;
  /** Told of each word that another worker says on its way out (drain.ts). */
  onWord: (worker: number, word: number) => void = () => undefined;

  constructor(peers: readonly (Peer | undefined)[], connections: Connections, map: ClusterMap) {
    this.#peers = peers;
    this.#connections = connections;
    this.mapBytes = mapBytesOf(map);
  }

  /** Shards are elsewhere: who asks here for them is told this map from now on. */
  setMap(map: ClusterMap): void {
    this.mapBytes = mapBytesOf(map);
  }

  /** Whether a worker can be reached now. */
  isReachable: (worker: number) => boolean = (worker) => this.#peers[worker] !== undefined;

  /** Sends a message of one of our connections to another worker with the end of this turn; a grouped one joins its header. */
  requests(connection: Connection, worker: number, bytes: Uint8Array, isGrouped: boolean): void {
    const peer = this.#peers[worker];
    if (peer === undefined || !this.isReachable(worker)) return this.#refuse(connection, bytes, isGrouped);
    this.#introduce(connection, peer);
    peer.add(this.#record(PEER_REQUESTS, connection, 1, bytes), isGrouped);
  }

  /** Nothing of it was executed, and the client is told so: the map may be another in a moment. */
  #refuse(connection: Connection, message: Uint8Array, isGrouped: boolean): void {
    const [kind, id] = readHead(message);
    if (kind === KIND_GROUP || id === undefined) return;
    const code = isGrouped ? "path-void" : "no-primary";
    const text = "the worker that has this shard can't be reached from here at the moment; ask again";
    encodeFault(this.#connections.writerOf(connection), 0, id, code, text);
  }

  /** Tells a worker who a connection is, before its first request there. */
  #introduce(connection: Connection, peer: Peer): void {
    let known = this.#known.get(connection);
    if (known === undefined) {
      known = new Set();
      this.#known.set(connection, known);
      this.#generation = (this.#generation + 1) % 2 ** 32;
      this.#generations.set(connection, this.#generation);
    }
    if (known.has(peer.worker)) return;
    known.add(peer.worker);
    const principal = this.sink?.principalOf(connection) ?? NOTHING;
    const bytes = Buffer.concat([principal, ZERO, Buffer.from(connection.address)]);
    peer.add(this.#record(PEER_OPENED, connection, 0, bytes), false);
  }

  #record(kind: number, connection: Connection, count: number, bytes: Uint8Array): PeerRecord {
    return { kind, connection: connection.slot, generation: this.#generations.get(connection) ?? 0, count, bytes };
  }

  /** One of our connections is gone. */
  closed(connection: Connection): void {
    const known = this.#known.get(connection);
    if (known === undefined) return;
    this.#known.delete(connection);
    for (const worker of known) this.#peers[worker]?.add(this.#record(PEER_CLOSED, connection, 0, NOTHING), false);
  }

  /** Takes what another worker sent. */
  receive(peer: Peer, batch: Uint8Array): void {
    forEachRecord(batch, (record) => {
      if (record.kind === PEER_ANSWERS) this.#answers(record);
      else if (record.kind >= PEER_WATCH) this.onWatch(peer.worker, record);
      else if (record.kind === PEER_WORD) this.onWord(peer.worker, record.connection);
      else this.#theirRecord(peer, record);
    });
  }

  #answers(record: PeerRecord): void {
    const connection = this.#connections.get(record.connection);
    if (connection === undefined || this.#generations.get(connection) !== record.generation) return;
    const writer = this.#connections.writerOf(connection);
    encodeGroup(writer, 0);
    writer.messages(record.count, record.bytes, 0, record.bytes.length);
    writer.group = -2; // Which group those messages ended in is not known: the next one names its own.
  }

  #theirRecord(peer: Peer, record: PeerRecord): void {
    const { sink } = this;
    if (sink === undefined) return;
    const key = `${peer.worker}.${record.connection}.${record.generation}`;
    const connection = this.#theirs.get(key);
    if (record.kind === PEER_OPENED) {
      const split = record.bytes.indexOf(0);
      const address = Buffer.from(record.bytes.subarray(split + 1)).toString();
      const opened = sink.connect(this.#receiver(peer, record), address);
      if (opened === undefined) return;
      if (sink.identify(opened, record.bytes.slice(0, split))) this.#theirs.set(key, opened);
      else sink.disconnect(opened);
    } else if (connection === undefined) return;
    else if (record.kind === PEER_CLOSED) {
      this.#theirs.delete(key);
      sink.disconnect(connection);
    } else sink.messages(connection, record.count, record.bytes);
  }

  /** Answers to another worker's connection go back to that worker. */
  #receiver(peer: Peer, { connection, generation }: PeerRecord): Receiver {
    return {
      send: (frame, messages) => {
        peer.add(
          { kind: PEER_ANSWERS, connection, generation, count: messages, bytes: frame.subarray(FRAME_HEADER) },
          false,
        );
      },
      isForwarded: true,
      close: () => undefined, // The worker in front judges frames; what it forwards is whole.
    };
  }

  /** Says a word to other workers, behind all that was sent to them before. */
  say(word: number, workers: readonly number[]): void {
    const record = { kind: PEER_WORD, connection: word, generation: 0, count: 0, bytes: NOTHING };
    for (const worker of workers) this.#peers[worker]?.add(record, false);
    this.flush();
  }

  /** The connection to a worker of another node is gone: neither side knows the other's connections any more. */
  lost(worker: number): void {
    for (const known of this.#known.values()) known.delete(worker);
    const prefix = `${worker}.`;
    for (const [key, connection] of [...this.#theirs]) {
      if (!key.startsWith(prefix)) continue;
      this.#theirs.delete(key);
      this.sink?.disconnect(connection);
    }
  }

  flush(): void {
    for (const peer of this.#peers) peer?.flush();
  }
}

/** Kind and id of a message; undefined for what it has not. */
function readHead(message: Uint8Array): readonly (number | undefined)[] {
  const fields: unknown = packr.unpack(message);
  if (!Array.isArray(fields)) return [];
  return fields.slice(0, 2).map((field: unknown) => (typeof field === "number" ? field : undefined));
}

function mapBytesOf(map: ClusterMap): Uint8Array {
  return packr.pack(map);
}
