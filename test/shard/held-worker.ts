/**
 * A worker of two shards, each in a store of its own, around the real front, turns and shards: its clock stands still
 * unless it is moved, and what a store has logged is committed when the test says so. For what may leave when.
 */
import { crc32 } from "../../src/words/crc32.js";
import { epoch, type ShardIndex, shardIndex, shardMs } from "../../src/words/ids.js";
import { LIMITS_DEFAULT } from "../../src/words/limits.js";
import { KIND_ACQUIRE, KIND_GROUP, KIND_HELLO, KIND_OPEN } from "../../src/words/kinds.js";
import { Counters } from "../../src/engine/engine.js";
import type { LogPosition, LogRead, LogRowRead, LogStore } from "../../src/log/log-store.js";
import type { StoreFault } from "../../src/log/store-fault.js";
import type { StoredShard, StoreInfo } from "../../src/log/store-options.js";
import { decodeFrame, encodeFrame, type Message } from "../../src/protocol/client-codec.js";
import type { ServerMessage } from "../../src/protocol/server-messages.js";
import { Shard } from "../../src/shard/shard.js";
import type { ByteBuffer } from "../../src/tables/byte-buffer.js";
import { Events } from "../../src/tables/events.js";
import { Inbox } from "../../src/tables/inbox.js";
import { KeyedHash } from "../../src/tables/keyed-hash.js";
import { Paths } from "../../src/tables/paths.js";
import { type Connection, Connections } from "../../src/worker/connections.js";
import { Forwarding } from "../../src/worker/forwarding.js";
import { Front } from "../../src/worker/front.js";
import { ShardStore } from "../../src/worker/shard-store.js";
import { TurnLoop } from "../../src/worker/turn.js";
import { type JoinedWatches, joinWatches } from "../../src/worker/watch-join.js";

const SHARDS = 2;
const HASH_KEY = [0x1234567, 0x89abcde] as const;
const ROOM = 2 ** 24;
const encoder = new TextEncoder();

/** A log in memory. What was appended is on its disk once `commit` has been called. */
class HeldStore implements LogStore {
  onCommitted: (() => void) | null = null;
  onFailed: ((fault: StoreFault) => void) | null = null;
  readonly info: StoreInfo = {
    ...{ storeId: "held", era: 0, lastSeq: 0, firstKept: 1, replayFrom: 1, pages: 0, lowDisk: false },
    ...{ shards: [], notices: [] },
  };
  readonly room: number = ROOM;
  lowDisk = false;
  readonly fault = null;
  readonly pages: Map<number, Uint8Array> = new Map();
  readonly shards: StoredShard[] = [];
  replayFrom = 1;
  committedSeq = 0;
  readonly #rows: LogRowRead[] = [];

  get nextSeq(): number {
    return this.#rows.length + 1;
  }
  get idle(): boolean {
    return this.committedSeq === this.#rows.length;
  }
  append(bytes: Uint8Array, start: number, end: number, wall: number): number {
    const seq = this.nextSeq;
    this.#rows.push({ seq, wall, body: bytes.slice(start, end) });
    return seq;
  }
  writePage(key: number, bytes: Uint8Array, start: number, end: number): void {
    this.pages.set(key, bytes.slice(start, end));
  }
  deletePage(key: number): void {
    this.pages.delete(key);
  }
  setReplayFrom(seq: number): void {
    this.replayFrom = seq;
  }
  setShard(row: StoredShard): void {
    this.shards.push(row);
  }
  flush(): void {
    // What is written waits for `commit`, flushed or not.
  }
  askLog({ seq, bytesMax }: LogPosition, answer: (read: LogRead) => void): void {
    const rows: LogRowRead[] = [];
    let bytes = 0;
    for (const row of this.#rows.slice(seq - 1, this.committedSeq)) {
      bytes += row.body.length;
      if (rows.length > 0 && bytes > bytesMax) break;
      rows.push(row);
    }
    answer({ rows, firstKept: 1 });
  }

  /** All batches up to this one are on disk; by default, all that there are. */
  commit(seq: number = this.#rows.length): void {
    this.committedSeq = seq;
    this.onCommitted?.();
  }
}

/** A name of this shard. */
export function nameIn(shard: number, number: number = 0): string {
  for (let i = 0; ; i++) {
    const name = `order:${number}-${i}`;
    if (shardOf(crcOf(name)) === shard) return name;
  }
}
function crcOf(name: string): number {
  const bytes = encoder.encode(name);
  return crc32(bytes, 0, bytes.length, 0);
}
function shardOf(crc: number): ShardIndex {
  return shardIndex(crc % SHARDS);
}

export class HeldWorker {
  nowMs = 0;
  readonly loop: TurnLoop;
  readonly #stores: readonly ShardStore<HeldStore>[];
  readonly #front: Front;
  readonly #watches: JoinedWatches;
  readonly #buffers: () => readonly ByteBuffer[];

  constructor() {
    const hash = new KeyedHash(HASH_KEY[0], HASH_KEY[1]);
    const inbox = new Inbox({ capacity: 20_000, shards: SHARDS, frameBytesInitial: 2 ** 16, frameBytesMax: 2 ** 24 });
    const paths = new Paths({ capacity: 64, connections: 16, shards: SHARDS, start: 1, hash });
    const events = new Events(4_096, 2 ** 24);
    const surroundings = { inbox, paths, events, counters: new Counters() };
    this.#buffers = () => [inbox.frames, events.buffer, this.shard(0).replies.text, this.shard(1).replies.text];
    this.#stores = Array.from({ length: SHARDS }, (_, index) => {
      const sizes = { claims: 100, clients: 50, outcomes: 200, limits: LIMITS_DEFAULT, hashKey: HASH_KEY };
      const shard = new Shard(shardIndex(index), epoch(1), sizes, surroundings);
      shard.takeOffice(shardMs(0), 0);
      return new ShardStore(new HeldStore(), [shard], { ringBytes: ROOM, bytesPerSecond: 0 });
    });
    const connections = new Connections(16);
    const workerOfShard = new Uint16Array(SHARDS);
    const map = { version: 1, shards: SHARDS, ringId: 0, workers: ["here:1"], owners: [0, 0] };
    const forwarding = new Forwarding([undefined], connections, map);
    const clock = { advance: () => this.nowMs, wallMs: () => 0 };
    this.loop = new TurnLoop({
      ...{ stores: this.#stores, inbox, paths, events, connections, clock, shardCount: SHARDS },
      onBroken: (_, error) => {
        throw error;
      },
      onEvents: (shard, from, firstLsn) => this.#watches.note(shard, events, from, firstLsn),
    });
    const limits = LIMITS_DEFAULT;
    const schedule = (): void => undefined; // The test runs the turns.
    const watches = joinWatches({
      ...{ index: 0, peers: [undefined], stores: this.#stores, connections, loop: this.loop, forwarding, limits },
      ...{ workerOfShard, shardOf, schedule },
      later: (act) => {
        act();
      },
    });
    this.#watches = watches;
    this.#front = new Front({
      ...{ inbox, paths, connections, loop: this.loop, watches: watches.front, forwarding, limits, schedule },
      where: { worker: 0, workerOfShard, shardOf, workerOfPath: () => 0 },
      facts: { server: "holdfast/test", node: "node", worker: 0, limits, map, ring: new Uint8Array(0) },
      runNow: () => {
        this.loop.run();
      },
      askStatus: (answer) => {
        answer("{}");
      },
    });
    for (const { store } of this.#stores)
      store.onCommitted = () => {
        this.loop.release();
      };
  }

  /** The store of a shard, and that shard. */
  store(shard: number): HeldStore {
    return this.#of(shard).store;
  }
  shard(shard: number): Shard {
    const [only] = this.#of(shard).shards;
    if (only === undefined) throw new Error(`no shard ${shard}`);
    return only;
  }
  #of(shard: number): ShardStore<HeldStore> {
    const store = this.#stores[shard];
    if (store === undefined) throw new Error(`no store ${shard}`);
    return store;
  }

  /** Sizes of what grows with what comes in a turn: frames, events, and the strings of each shard's answers. */
  get bufferSizes(): readonly number[] {
    return this.#buffers().map(({ bytes }) => bytes.length);
  }

  /** Runs one turn at this time. */
  turn(nowMs: number): void {
    this.nowMs = nowMs;
    this.loop.run();
  }
  commitAll(): void {
    for (const { store } of this.#stores) store.commit();
  }

  /** A client that has said HELLO; what it is told stands in `told`. */
  connect(): HeldClient {
    const client = new HeldClient(this.#front);
    this.turn(this.nowMs);
    client.take();
    return client;
  }
}

/** One connection with at most one session, as frames say it. */
export class HeldClient {
  readonly #front: Front;
  readonly #connection: Connection;
  #told: ServerMessage[] = [];
  /** The number of its session's path. */
  path = 0;
  #count = 0;

  constructor(front: Front) {
    this.#front = front;
    const receiver = {
      send: (frame: Uint8Array) => void this.#told.push(...decodeFrame(frame)),
      close: (code: number, reason: string) => {
        throw new Error(`closed: ${code} ${reason}`);
      },
    };
    const connection = front.connect(receiver, "10.0.0.1:1");
    if (connection === undefined) throw new Error("there is room for every connection of a test");
    this.#connection = connection;
    this.say([KIND_HELLO, { version: 1, client: "test" }]);
  }

  /** Sends one frame. */
  say(...messages: readonly Message[]): void {
    this.#front.receive(this.#connection, encodeFrame(messages));
  }
  /** What it has been told since it was asked last, groups left out. */
  take(): ServerMessage[] {
    const told = this.#told.filter(({ kind }) => kind !== "group");
    this.#told = [];
    return told;
  }

  /** Opens a session's path; the worker runs a turn, and says so at once where nothing waits for its commit. */
  open(worker: HeldWorker, key: number, ttlMs: number): void {
    this.say([KIND_OPEN, 1, 0, [[new Uint8Array(16).fill(key), ttlMs]]]);
    worker.turn(worker.nowMs);
    for (const message of this.take()) if (message.kind === "opened") this.path = message.paths[0] ?? 0;
  }
  /** Asks on the session's path for a claim that is bound to it. */
  acquire(id: number, resource: string): void {
    this.#count++;
    this.say([KIND_GROUP, this.path, this.#count, 0], [KIND_ACQUIRE, id, resource, 0]);
  }
}
