/** Known bugs of the lock rules: engine, tables and shard. */
import { cluster, type Mutant, oneNode, tests } from "./mutant.js";

/** Each decides something wrong, keeps something too short, or forgets it. */
export const ENGINE_MUTANTS: readonly Mutant[] = [
  {
    name: "renewal-shortens",
    file: "engine/renew.ts",
    edits: [["Math.max(claims.wheel.deadline(claim), state.now + ttlMs)", "state.now + ttlMs"]],
    net: oneNode("renew", "claim-ttl"),
    breaks: ["INV-8"],
  },
  {
    name: "revoked-claim-is-renewed",
    file: "engine/renew.ts",
    edits: [["if ((claims.flags(claim) & CLAIM_REVOKED) !== 0) {", "if (claims.flags(claim) < 0) {"]],
    net: oneNode("renew", "revoke", "claim-ttl"),
    breaks: ["INV-8"],
  },
  {
    name: "shared-overtakes-exclusive",
    file: "engine/admission.ts",
    edits: [
      [
        "if (resources.firstWaiter(resource) !== 0 || delaysBlock",
        "if ((resources.firstWaiter(resource) !== 0 && mode !== MODE_SHARED) || delaysBlock",
      ],
    ],
    net: oneNode("acquire-shared", "acquire-waiting"),
    breaks: ["INV-6"],
  },
  {
    name: "shared-beside-exclusive",
    file: "engine/admission.ts",
    edits: [
      ["return mode === MODE_SHARED && (claims.flags(first) & 3) === MODE_SHARED;", "return mode === MODE_SHARED;"],
    ],
    net: oneNode("acquire-shared"),
    breaks: ["INV-1", "assertion"],
  },
  {
    name: "one-permit-too-many",
    file: "engine/admission.ts",
    edits: [["resources.holders(resource) < permits", "resources.holders(resource) <= permits"]],
    net: oneNode("acquire-permit", "acquire-waiting"),
    breaks: ["INV-1", "assertion"],
  },
  {
    name: "forced-claim-gets-through-its-lock-delay",
    file: "engine/admission.ts",
    edits: [["(isOnly && isOwn && (claims.flags(first) & CLAIM_FORCED) === 0)", "(isOnly && isOwn)"]],
    net: oneNode("lock-delay", "force-release"),
    breaks: ["lock-delay"],
  },
  {
    name: "own-lock-delay-hides-the-others",
    file: "engine/admission.ts",
    edits: [["const isOnly = claims.next(first) === 0;", "const isOnly = true;"]],
    net: oneNode("lock-delay", "acquire-shared"),
    breaks: ["lock-delay"],
  },
  {
    name: "dead-waiter-granted",
    file: "engine/queue.ts",
    edits: [["if (!isAlive(engine, client)) endWait", "if (client === 0) endWait"]],
    net: oneNode("acquire-waiting", "client-crash"),
    breaks: ["R-17"],
  },
  {
    name: "timed-out-waiter-granted",
    file: "engine/queue.ts",
    edits: [
      ["if (claims.wheel.isArmed(head) && claims.wheel.deadline(head) <= engine.state.now) {", "if (head < 0) {"],
    ],
    net: tests("scenarios/engine.test"),
    breaks: ["queue"],
  },
  {
    name: "abandoned-at-half-its-grace",
    file: "engine/sessions.ts",
    edits: [
      [
        "return Math.min(limits.waitingGraceMs, clients.ttlMs(client));",
        "return Math.min(limits.waitingGraceMs, clients.ttlMs(client)) / 2;",
      ],
    ],
    net: oneNode("acquire-waiting"),
    breaks: ["INV-8"],
  },
  {
    name: "session-ends-too-early",
    file: "engine/expire.ts",
    edits: [
      ["if (now >= heard + clients.ttlMs(row)) endSession", "if (now >= heard + clients.ttlMs(row) / 2) endSession"],
    ],
    net: oneNode(),
    breaks: ["INV-8"],
  },
  {
    name: "waiter-gets-what-is-left-of-a-lease",
    file: "engine/queue.ts",
    edits: [
      ["view.setFloat64(at + 56, state.now + ttlMs, true);", "view.setFloat64(at + 56, state.now + ttlMs / 2, true);"],
    ],
    net: oneNode("acquire-waiting", "claim-ttl"),
    breaks: ["INV-8", "INV-4"],
  },
  {
    name: "released-by-a-stranger",
    file: "engine/held.ts",
    edits: [
      [
        "if ((claims.flags(claim) & CLAIM_LOOSE) === 0) return false;",
        "if ((claims.flags(claim) & CLAIM_LOOSE) === 0) return true;",
      ],
    ],
    net: oneNode("rude-client"),
    breaks: ["INV-8"],
  },
  {
    name: "request-id-forgotten-at-release",
    file: "engine/apply.ts",
    edits: [
      [
        "  applyAsked(state, view, at, kind, 0);\n  if (!state.claims.has(row, lsn)) endClaim",
        "  if (!state.claims.has(row, lsn)) endClaim",
      ],
    ],
    net: oneNode("rude-client"),
    breaks: ["INV-7", "replay"],
  },
  {
    name: "outcome-dropped-before-it-was-seen",
    file: "engine/apply-clients.ts",
    edits: [
      [
        "if (id <= view.getFloat64(seenAt, true)) return true;",
        "if (id <= view.getFloat64(seenAt, true) + 4) return true;",
      ],
    ],
    net: oneNode("rude-client"),
    breaks: ["INV-7"],
  },
  {
    name: "every-request-is-new",
    file: "engine/sessions.ts",
    edits: [["if (id > clients.lastRequestId(client)) return false;", "if (id > 0) return false;"]],
    net: oneNode("rude-client"),
    breaks: ["INV-7"],
  },
  {
    name: "mark-stays-when-a-claim-ends",
    file: "engine/apply.ts",
    edits: [["  clients.setMark(client, lsn);\n  clients.touch(client);", "  clients.touch(client);"]],
    net: oneNode(),
    breaks: ["INV-4", "INV-7"],
  },
  {
    name: "lock-delay-ends-early",
    file: "engine/apply.ts",
    edits: [["  claims.wheel.arm(row, delayEnd);\n", "  claims.wheel.arm(row, delayEnd - 400);\n"]],
    net: oneNode("lock-delay"),
    breaks: ["lock-delay"],
  },
  {
    name: "freed-row-left-in-the-wheel",
    file: "engine/claims.ts",
    edits: [
      [
        "    if (this.wheel.isArmed(row)) this.wheel.cancel(row);\n    this.setState(row, CLAIM_FREE);",
        "    this.setState(row, CLAIM_FREE);",
      ],
    ],
    net: oneNode(),
    breaks: ["assertion", "INV-8", "exception"],
  },
  {
    name: "timer-lost-in-a-cascade",
    file: "tables/timer-wheel.ts",
    edits: [
      [
        "      this.#place(row, this.#deadlines[row * 2 + 1] ?? outOfRange(row));\n      row = this.#next(head);",
        "      row = this.#next(head);",
      ],
    ],
    net: oneNode(),
    breaks: ["INV-9", "replay"],
  },
  {
    name: "old-path-accepted-after-a-fail-over",
    file: "shard/shard.ts",
    edits: [
      [
        "return paths.isSession(path) && paths.serial(path) < this.#openedFrom;",
        "return paths.isSession(path) && paths.serial(path) < 0;",
      ],
    ],
    net: cluster(),
    breaks: ["INV-7", "INV-4", "INV-5"],
  },
  {
    name: "already-granted-with-another-token",
    file: "engine/cancel.ts",
    edits: [["replies.setA(row, state.claims.lsn(claim));", "replies.setA(row, state.claims.lsn(claim) + 1);"]],
    net: oneNode("acquire-waiting", "cancel"),
    breaks: ["INV-10"],
  },
  {
    name: "check-hides-who-waits",
    file: "engine/observe.ts",
    edits: [
      [
        "replies.setA(row, count);\n  replies.setB(row, state.resources.waiters(resource));\n  replies.setC(row, delayLeft",
        "replies.setA(row, count);\n  replies.setB(row, 0);\n  replies.setC(row, delayLeft",
      ],
    ],
    net: oneNode("check", "acquire-waiting"),
    breaks: ["INV-5"],
  },
  {
    name: "busy-tells-of-a-lock-delay-that-is-none",
    file: "engine/acquire.ts",
    edits: [
      [
        "replies.setC(row, told.isYours ? 1 : 0);\n  replies.setD(row, delayLeft(engine, resource));",
        "replies.setC(row, told.isYours ? 1 : 0);\n  replies.setD(row, state.now);",
      ],
    ],
    net: oneNode(),
    breaks: ["INV-5"],
  },
];
