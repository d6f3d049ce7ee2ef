/**
 * The pure engine alone, without socket or disk: acquire and release of a million names of 20 bytes, in turns as a
 * worker makes them, through the shard's step with its events, checksums and replies.
 */
import { crc32 } from "../src/words/crc32.js";
import { epoch, shardIndex, shardMs } from "../src/words/ids.js";
import { KIND_ACQUIRE, KIND_RELEASE } from "../src/words/kinds.js";
import { LIMITS_DEFAULT } from "../src/words/limits.js";
import { widenInlining } from "../src/node/compiler.js";
import { Counters } from "../src/engine/engine.js";
import { Shard } from "../src/shard/shard.js";
import { Events } from "../src/tables/events.js";
import { Inbox } from "../src/tables/inbox.js";
import { KeyedHash } from "../src/tables/keyed-hash.js";
import { Paths } from "../src/tables/paths.js";

const NAMES = 1_000_000;
const NAME_SIZE = 20;
const TURN = 1_024;
const STRIDE = 611_953;
const HASH_KEY = [0x1234567, 0x89abcde] as const;

/** What a turn works on: one shard in office, the names it is asked for, and the path that asks. */
interface Rig {
  readonly inbox: Inbox;
  readonly events: Events;
  readonly shard: Shard;
  readonly path: number;
  readonly names: Uint8Array;
}

function rigOf(session: boolean): Rig {
  const hash = new KeyedHash(HASH_KEY[0], HASH_KEY[1]);
  const inbox = new Inbox({ capacity: TURN, shards: 1, frameBytesInitial: TURN * NAME_SIZE, frameBytesMax: 2 ** 26 });
  const paths = new Paths({ capacity: 64, connections: 64, shards: 1, start: 1, hash });
  const events = new Events(2 ** 20, 2 ** 28);
  const shard = new Shard(
    shardIndex(0),
    epoch(1),
    { claims: 1_100_000, clients: 1_000, outcomes: 100_000, limits: LIMITS_DEFAULT, hashKey: HASH_KEY },
    { inbox, paths, events, counters: new Counters() },
  );
  shard.takeOffice(shardMs(0), 0);
  const encoder = new TextEncoder();
  const principal = encoder.encode("local");
  const key = session ? new Uint8Array(16).fill(7) : null;
  const path = paths.open({ key, ttlMs: 30_000, publicId: [1, 2], principal, address: principal, connection: 1 });
  const names = new Uint8Array(NAMES * NAME_SIZE);
  for (let i = 0; i < NAMES; i++) names.set(encoder.encode(`order:${String(i).padStart(14, "0")}`), i * NAME_SIZE);
  return { inbox, events, shard, path, names };
}

/** Makes turns of acquires, and turns that release what the one before was granted. */
class Turns {
  readonly #rig: Rig;
  readonly #chosen = new Uint32Array(TURN);
  readonly #tokens = new Float64Array(TURN);
  #clock = 0;
  #id = 0;
  #next = 0;
  /** Milliseconds in the shard's steps alone: what writes the requests is not the engine. */
  stepMs = 0;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  run(op: number): void {
    const { inbox, events, shard } = this.#rig;
    events.reset();
    inbox.reset();
    const at = inbox.frames.reserve(TURN * NAME_SIZE);
    for (let i = 0; i < TURN; i++) {
      if (op === KIND_ACQUIRE) {
        this.#next = (this.#next + STRIDE) % NAMES; // Prime to the number of names: scattered, none twice in a turn.
        this.#chosen[i] = this.#next;
      }
      this.#ask(op, i, at + i * NAME_SIZE);
    }
    inbox.seen[0] = this.#id - TURN;
    this.#clock += 1;
    const start = performance.now();
    shard.step({ clockMs: this.#clock, wallMs: 0, controls: [], expiryBudget: 1_000 });
    this.stepMs += performance.now() - start;
    const { replies } = shard;
    for (let row = replies.first, i = 0; row < replies.end; row++, i++) this.#tokens[i] = replies.a(row);
    replies.leave(replies.end);
  }

  /** Writes request `i` of the turn into the inbox, its name to `to`. */
  #ask(op: number, i: number, to: number): void {
    const { inbox, names, path } = this.#rig;
    const row = inbox.add();
    const from = (this.#chosen[i] ?? 0) * NAME_SIZE;
    for (let k = 0; k < NAME_SIZE; k++) inbox.bytes[to + k] = names[from + k] ?? 0;
    inbox.setOp(row, op);
    inbox.setPath(row, path);
    inbox.setId(row, ++this.#id);
    inbox.setNameAt(row, to);
    inbox.setNameEnd(row, to + NAME_SIZE);
    inbox.setCrc(row, crc32(inbox.bytes, to, to + NAME_SIZE, 0));
    inbox.setTtlMs(row, op === KIND_ACQUIRE ? 30_000 : 0);
    inbox.setToken(row, op === KIND_ACQUIRE ? 0 : (this.#tokens[i] ?? 0));
    inbox.setSeenAt(row, 0);
    inbox.setSeenCount(row, 1);
    inbox.route(row, 0);
  }
}

/** Pairs a second, for a caller with and without a session. */
export function enginePairsPerSecond(options: { session: boolean; seconds: number }): number {
  const turns = new Turns(rigOf(options.session));
  let pairs = 0;
  const until = (milliseconds: number): void => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      turns.run(KIND_ACQUIRE);
      turns.run(KIND_RELEASE);
      pairs += TURN;
    }
  };
  until(500);
  pairs = 0;
  turns.stepMs = 0;
  until(options.seconds * 1000);
  return (pairs / turns.stepMs) * 1000;
}
if (process.argv[1]?.endsWith("micro-engine.js") === true) {
  widenInlining();
  for (const session of [false, true]) {
    const rate = enginePairsPerSecond({ session, seconds: 2 });
    process.stdout.write(
      `engine, ${session ? "session" : "no session"}: ${(rate / 1e6).toFixed(2)} million pairs a second\n`,
    );
  }
}
