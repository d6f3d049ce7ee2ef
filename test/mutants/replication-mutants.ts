/** Known bugs of replication and of the turns that drive it. */
import { cluster, explorer, type Mutant, tests } from "./mutant.js";

/** Each answers too early, counts too few, or forgets an epoch. */
export const REPLICATION_MUTANTS: readonly Mutant[] = [
  {
    name: "answers-do-not-wait-for-their-round",
    file: "replication/commit.ts",
    edits: [["return state.committed >= head && confirmedRound(state) >= round;", "return state.committed >= head;"]],
    net: cluster("check", "isolated-node"),
    breaks: ["INV-10", "INV-5"],
  },
  {
    name: "round-of-the-turn-before-is-enough",
    file: "replication/commit.ts",
    edits: [["confirmedRound(state) >= round;", "confirmedRound(state) >= round - 1;"]],
    net: cluster(),
    breaks: ["INV-10", "INV-5"],
  },
  {
    name: "rounds-of-an-earlier-stream-count",
    file: "replication/peers.ts",
    edits: [["  peer.round = 0;\n  peer.beginRound = 0;\n", "  peer.beginRound = 0;\n"]],
    net: cluster(),
    breaks: ["INV-10", "INV-5", "INV-3"],
  },
  {
    name: "committed-by-more-than-half",
    file: "replication/commit.ts",
    edits: [
      [
        "  for (const peer of neededPeers(state)) stored = Math.min(stored, peer.stored);\n",
        "  const all = [stored, ...neededPeers(state).map((peer) => peer.stored)].sort((one, other) => other - one);\n  stored = all[Math.floor(all.length / 2)] ?? stored;\n",
      ],
    ],
    net: cluster(),
    breaks: ["INV-3", "INV-5", "assertion"],
  },
  {
    name: "committed-before-the-own-disk",
    file: "replication/commit.ts",
    edits: [["let stored: number = ownStored(state);", "let stored: number = endOf(state).lsn;"]],
    net: cluster(),
    breaks: ["INV-3", "INV-5"],
  },
  {
    name: "only-the-known-set-is-needed",
    file: "replication/commit.ts",
    edits: [
      [
        "      countedSinceMs >= 0 ||\n      configuration?.inSync.includes(name) === true ||\n      pending?.next.inSync.includes(name) === true,",
        "      configuration?.inSync.includes(name) === true,",
      ],
    ],
    net: cluster(),
    breaks: ["INV-3", "INV-5"],
  },
  {
    name: "unknown-compare-and-swap-taken-as-failed",
    file: "replication/unknown.ts",
    edits: [
      [
        "  if (core.state.pending !== null) readControlPlane(core);",
        "  core.state.pending = null;\n  readControlPlane(core);",
      ],
    ],
    net: cluster(),
    breaks: ["INV-3", "INV-5", "assertion"],
  },
  {
    name: "learner-added-one-entry-short",
    file: "replication/learner.ts",
    edits: [[" && peer.stored >= peer.countedFrom;", ";"]],
    net: explorer("learner"),
    breaks: ["INV-3"],
  },
  {
    name: "learner-not-counted-before-it-is-added",
    file: "replication/learner.ts",
    edits: [
      [
        "  peer.countedSinceMs = state.nowMs;\n",
        "  peer.countedSinceMs = state.nowMs;\n  ask(core, peer);\n  peer.countedSinceMs = -1;\n",
      ],
    ],
    net: cluster(),
    breaks: ["INV-3", "INV-5"],
  },
  {
    name: "chain-compared-by-lsn-alone",
    file: "replication/entry.ts",
    edits: [
      [
        "return one.lsn === other.lsn && one.checksum === other.checksum && (one.lsn === 0 || one.epoch === other.epoch);",
        "return one.lsn === other.lsn;",
      ],
    ],
    net: cluster(),
    breaks: ["INV-3", "INV-5", "R-7"],
  },
  {
    name: "tail-not-cut",
    file: "replication/follow.ts",
    edits: [["  cutTo(core, after);\n  state.hasBegun = true;", "  state.hasBegun = true;"]],
    net: cluster(),
    breaks: ["R-7", "INV-3", "INV-5", "INV-9", "livelock"],
  },
  {
    name: "begun-at-the-first-common-entry",
    file: "replication/chain.ts",
    edits: [
      ["  for (let at = positions.length - 1; at >= 0; at--) {", "  for (let at = 0; at < positions.length; at++) {"],
    ],
    net: cluster(),
    breaks: ["INV-3", "R-7"],
  },
  {
    name: "smaller-epoch-obeyed",
    file: "replication/follow.ts",
    edits: [
      [
        "const isRight = epoch === knownEpoch(state) && state.configuration?.primary === from && state.stream === stream;",
        "const isRight = epoch <= knownEpoch(state) && state.stream === stream;",
      ],
      ["  state.stream = stream;\n  state.hasBegun = false;\n  const", "  state.hasBegun = false;\n  const"],
    ],
    net: tests("replication/old-words.test"),
    breaks: ["R-"],
  },
  {
    name: "epoch-not-on-disk-before-it-is-acknowledged",
    file: "replication/core.ts",
    edits: [
      ["  if (state.storedOrder === state.order) {", "  if (state.order >= 0) {"],
      ["return state.storedOrder >= state.rememberedOrder;", "return true;"],
    ],
    net: explorer("slow-disk"),
    breaks: ["INV-", "R-"],
  },
  {
    name: "winner-goes-on-acknowledging",
    file: "replication/configuration.ts",
    edits: [
      ["  refuseFeeder(core, next);\n  state.configuration", "  state.configuration"],
      ["  state.stream = 0;\n  state.hasBegun = false;\n  state.heardMs", "  state.heardMs"],
    ],
    net: cluster(),
    breaks: ["INV-3", "INV-5"],
  },
  {
    name: "served-before-all-have-stored-all",
    file: "replication/take-over.ts",
    edits: [
      [
        "  const end = endOf(state).lsn;\n  if (ownStored(state) === end && storedByAll(state) === end) takeOffice(core);",
        "  takeOffice(core);",
      ],
    ],
    net: cluster(),
    breaks: ["assertion", "INV-3", "INV-5"],
  },
  {
    name: "restarted-primary-goes-on",
    file: "replication/configuration.ts",
    edits: [
      [
        "    state.candidacy.confirmedMs = state.nowMs;\n",
        '    state.candidacy.confirmedMs = state.nowMs;\n    if (known.primary === state.name && state.role === "backup") beginTakeOver(core);\n',
      ],
    ],
    net: cluster(),
    breaks: ["INV-3", "INV-5", "INV-9", "assertion"],
  },
  {
    name: "short-log-trusted-at-a-take-over",
    file: "replication/take-over.ts",
    edits: [
      ["  if (hasLostData(core, peer, where)) return;\n", ""],
      ["    if (end.lsn < committed) tellLostData(core, peer, lsn(committed));\n", ""],
    ],
    net: tests("replication/take-over.test"),
    breaks: ["R-12"],
  },
  {
    name: "short-log-trusted-at-a-start",
    file: "replication/replica.ts",
    edits: [
      ["  if (endOf(state).lsn < state.committed) {\n    giveUpStore(core, state.committed);\n    return;\n  }\n", ""],
    ],
    net: tests("replication/take-over.test"),
    breaks: ["R-12"],
  },
  {
    name: "era-not-raised-at-a-promotion",
    file: "replication/promote.ts",
    edits: [["era: configuration.era + 1", "era: configuration.era"]],
    net: explorer("new-era"),
    breaks: ["INV-", "R-"],
  },
  {
    name: "promoted-at-once",
    file: "replication/promote.ts",
    edits: [["state.promoteAtMs = state.nowMs + waitMs;", "state.promoteAtMs = state.nowMs;"]],
    net: tests("replication/change-of-office.test"),
    breaks: ["R-15"],
  },
  {
    name: "actor-kept-after-loss-of-office",
    file: "worker/replica-seat.ts",
    edits: [["if (this.#isDeciding) this.#rebuild(order.committed);", "this.#isDeciding = false;"]],
    net: cluster(),
    breaks: ["replay", "R-20", "assertion", "exception", "R-7"],
  },
  {
    name: "actor-decides-after-loss-of-office",
    file: "replication/office.ts",
    edits: [['    core.out.actor.push({ kind: "leave-office", committed: state.committed });\n', ""]],
    net: cluster(),
    breaks: ["assertion", "exception", "replay", "R-20", "R-7"],
  },
  {
    name: "uncommitted-effects-in-a-checkpoint",
    file: "worker/replica-store.ts",
    edits: [
      ["return seat !== undefined && shard.state.head <= seat.replica.state.committed;", "return seat !== undefined;"],
    ],
    net: cluster(),
    breaks: ["assertion", "R-5", "R-12", "replay", "INV-3", "exception"],
  },
  {
    name: "pages-before-their-log",
    file: "worker/replica-store.ts",
    edits: [
      ["return this.log.isHandedOn && this.#checkpoint.step(clockMs);", "return this.#checkpoint.step(clockMs);"],
    ],
    net: cluster(),
    breaks: ["assertion", "R-5", "R-12", "replay", "INV-3", "exception"],
  },
  {
    name: "new-primary-goes-on-from-its-own-stamp",
    file: "worker/replica-seat.ts",
    edits: [["this.#actor.takeOffice(stamp, clockMs, {", "this.#actor.takeOffice(shardMs(stamp + 2_000), clockMs, {"]],
    net: cluster(),
    breaks: ["INV-11", "INV-8", "INV-4"],
  },
  {
    name: "shard-time-goes-on-unheard",
    file: "worker/replica-seat.ts",
    edits: [
      [
        "      if (this.replica.mayAdvanceTime()) this.shard.goOnInTime(clockMs);\n      else this.shard.standStill(clockMs);",
        "      this.shard.goOnInTime(clockMs);",
      ],
    ],
    net: cluster(),
    breaks: ["INV-11", "INV-4"],
  },
  {
    name: "two-rounds-of-one-link",
    file: "replication/link.ts",
    edits: [["      if (needed > mark) break;\n", "      if (needed > mark + 1) break;\n"]],
    net: cluster(),
    breaks: ["INV-3", "INV-5"],
  },
];
