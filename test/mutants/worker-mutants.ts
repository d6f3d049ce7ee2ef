/** Known bugs around the pure rooms: turns, paths, forwarding between workers, the log on disk. */
import { cluster, type Mutant, oneNode, tests } from "./mutant.js";

/** Each tells too early, takes an old word for a new one, or trusts a disk. */
export const WORKER_MUTANTS: readonly Mutant[] = [
  {
    name: "answer-before-commit",
    file: "worker/turn.ts",
    edits: [
      ["while (row < end && replies.lsn(row) <= committed) {", "while (row < end) {"],
      ["const { replies, committed } = shard;", "const { replies } = shard;"],
    ],
    net: oneNode(),
    breaks: ["INV-3"],
  },
  {
    name: "clock-read-before-the-requests",
    file: "worker/turn.ts",
    edits: [
      [
        "    const clockMs = clock.advance(); // After",
        "    const clockMs = this.#clockMs;\n    this.#clockMs = clock.advance(); // After",
      ],
      ["  isBehind = false;\n", "  isBehind = false;\n  #clockMs = 0;\n"],
    ],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "barrier-opens-at-once",
    file: "worker/turn.ts",
    edits: [
      [
        "    if (waits.length === 0) act();\n    else this.#barriers.push({ waits, round, act });",
        "    if (waits.length >= 0) act();\n    else this.#barriers.push({ waits, round, act });",
      ],
    ],
    net: tests("shard/barrier.test"),
    breaks: ["R-8"],
  },
  {
    name: "older-path-not-voided",
    file: "worker/session-paths.ts",
    edits: [["    if (older !== 0) this.#void(older, connection);\n", ""]],
    net: oneNode(),
    breaks: ["INV-7", "INV-4", "assertion", "exception"],
  },
  {
    name: "path-forgets-its-shards",
    file: "shard/control.ts",
    edits: [
      [
        "    state.clients.setHeardCount(client, 0);\n    state.clients.setPath(client, path);",
        "    state.clients.setPath(client, path);",
      ],
    ],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "keep-alive-counts-as-a-later-one",
    file: "shard/control.ts",
    edits: [
      [
        "    clients.setHeardCount(client, message.count);\n",
        "    clients.setHeardCount(client, message.count + 2);\n",
      ],
    ],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "opening-tells-no-waits",
    file: "shard/control.ts",
    edits: [
      [
        "    if (claims.state(row) === CLAIM_DELAYS) continue;\n",
        "    if (claims.state(row) !== CLAIM_HOLDS) continue;\n",
      ],
    ],
    net: oneNode("acquire-waiting"),
    breaks: ["INV-7", "INV-9", "exception", "assertion"],
  },
  {
    name: "close-releases-nothing",
    file: "engine/expire.ts",
    edits: [
      [
        'if (why === "closed" && (claims.flags(row) & CLAIM_LOOSE) === 0) releaseClaim(engine, row, 0, client);\n      else ',
        "",
      ],
    ],
    net: oneNode("session-close"),
    breaks: ["INV-8", "INV-7", "INV-9"],
  },
  {
    name: "forwarder-sends-twice",
    file: "worker/forwarding.ts",
    edits: [
      [
        "    peer.add(this.#record(PEER_REQUESTS, connection, 1, bytes), isGrouped);\n",
        "    peer.add(this.#record(PEER_REQUESTS, connection, 1, bytes), isGrouped);\n    peer.add(this.#record(PEER_REQUESTS, connection, 1, bytes), false);\n",
      ],
    ],
    net: oneNode(),
    breaks: ["INV-7", "assertion"],
  },
  {
    name: "pages-skip-the-log",
    file: "worker/checkpoint.ts",
    edits: [["replayFrom: this.#source.replayFrom()", "replayFrom: this.#source.replayFrom() + 1"]],
    net: oneNode(),
    breaks: ["replay", "R-5", "INV-3", "R-7", "exception"],
  },
  {
    name: "uncommitted-cut-forgotten-at-a-start",
    file: "worker/replica-log.ts",
    edits: [
      [
        "      while (entries.length > 0 && (entries.at(-1)?.entry.position.lsn ?? 0) > position.lsn) entries.pop();\n",
        "",
      ],
    ],
    net: cluster(),
    breaks: ["R-5", "INV-3", "INV-5", "R-7"],
  },
  {
    name: "short-wal-trusted",
    file: "log/store-database.ts",
    edits: [["if (marked !== null && marked > lastSeq) {", "if (marked !== null && marked < 0) {"]],
    net: tests("log/store-damage.test"),
    breaks: ["R-7", "lost data"],
  },
  {
    name: "failed-fsync-is-retried",
    file: "log/store-writer.ts",
    edits: [
      [
        "    this.#commit.run();\n    return bytes;",
        "    try {\n      this.#commit.run();\n    } catch {\n      this.#commit.run();\n    }\n    return bytes;",
      ],
    ],
    net: tests("log/store-faults.test"),
    breaks: ["R-7"],
  },
  {
    name: "mark-before-the-commit",
    file: "log/store-thread.ts",
    edits: [
      [
        "    const bytes = this.#writer.commit(this.#ring, Date.now());\n",
        "    this.#store.mark.write(this.#writer.lastSeq + 1);\n    const bytes = this.#writer.commit(this.#ring, Date.now());\n",
      ],
    ],
    net: tests("log/store-faults.test"),
    breaks: ["R-7"],
  },
  {
    name: "two-processes-on-one-store",
    file: "log/store-database.ts",
    edits: [["locking_mode = EXCLUSIVE", "locking_mode = NORMAL"]],
    net: tests("log/store.test"),
    breaks: ["opened once"],
  },
  {
    name: "told-before-the-commit",
    file: "log/store-thread.ts",
    edits: [
      [
        "    const startMs = performance.now();\n    const bytes = this.#writer.commit",
        "    const startMs = performance.now();\n    Atomics.store(this.#control, WORD_COMMITTED, (this.#writer.lastSeq + 1) | 0);\n    const bytes = this.#writer.commit",
      ],
    ],
    net: tests("log/store-faults.test"),
    breaks: ["R-7"],
  },
];
