/** Known bugs of the client's core: what it believes, and what it sends again. */
import { cluster, type Mutant, oneNode } from "./mutant.js";

/** Each believes too long, or asks twice. */
export const CLIENT_MUTANTS: readonly Mutant[] = [
  {
    name: "belief-from-the-second-sending",
    file: "client/worker-path.ts",
    edits: [
      [
        '    request.state = "sent";\n  }\n\n  #takeResends',
        '    request.firstSentMs = nowMs;\n    request.state = "sent";\n  }\n\n  #takeResends',
      ],
    ],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "belief-from-the-arrival-of-a-grant",
    file: "client/session-answers.ts",
    edits: [
      [
        "state.extendBelief(claim, request.firstSentMs, answer.ttlMs === 0",
        "state.extendBelief(claim, nowMs, answer.ttlMs === 0",
      ],
    ],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "belief-from-the-arrival-of-a-push",
    file: "client/session-answers.ts",
    edits: [
      [
        "if (sentMs !== undefined) state.extendBelief(claim, sentMs, promisedMs);",
        "if (sentMs !== undefined) state.extendBelief(claim, nowMs, promisedMs);",
      ],
    ],
    net: oneNode("acquire-waiting"),
    breaks: ["INV-4"],
  },
  {
    name: "belief-without-what-is-left-of-the-deadline",
    file: "client/session-answers.ts",
    edits: [["answer.leftMs === undefined ? sessionTtlMs : answer.ageMs + answer.leftMs", "sessionTtlMs"]],
    net: oneNode("acquire-waiting", "claim-ttl"),
    breaks: ["INV-4"],
  },
  {
    name: "belief-of-a-full-lease-from-a-push",
    file: "client/session-answers.ts",
    edits: [["answer.ageMs + answer.leftMs", "answer.ageMs + answer.leftMs + answer.ttlMs"]],
    net: oneNode("acquire-waiting"),
    breaks: ["INV-4"],
  },
  {
    name: "belief-past-a-release",
    file: "client/session.ts",
    edits: [
      [
        '    claim.state = "leaving";\n    return this.#aboutClaim(KIND_RELEASE',
        "    return this.#aboutClaim(KIND_RELEASE",
      ],
    ],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "belief-past-a-close",
    file: "client/session.ts",
    edits: [
      [
        '    for (const claim of [...this.#state.claims.values()]) this.#state.endClaim(claim, "the client was closed");\n',
        "",
      ],
    ],
    net: oneNode("session-close", "acquire-waiting"),
    breaks: ["INV-4"],
  },
  {
    name: "belief-from-the-answer-of-a-renewal",
    file: "client/session-answers.ts",
    edits: [
      [
        "state.extendBelief(claim, request.firstSentMs, answer.ttlMs);",
        "state.extendBelief(claim, nowMs, answer.ttlMs);",
      ],
    ],
    net: oneNode("renew", "claim-ttl"),
    breaks: ["INV-4"],
  },
  {
    name: "belief-from-the-answer-of-a-keep-alive",
    file: "client/session-paths.ts",
    edits: [
      [
        "state.extendBelief(claim, sentMs, state.options.ttlMs);",
        "state.extendBelief(claim, nowMs, state.options.ttlMs);",
      ],
    ],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "belief-without-slack-for-drift",
    file: "client/session-state.ts",
    edits: [["sentMs + promisedMs * (1 - BELIEF_SLACK)", "sentMs + promisedMs * (1 + BELIEF_SLACK)"]],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "keep-alive-believed-past-the-mark",
    file: "client/session-paths.ts",
    edits: [["if (mark !== view.mark && mark > claim.token) continue;", ""]],
    net: cluster(),
    breaks: ["INV-4", "INV-7"],
  },
  {
    name: "keep-alive-believed-above-its-lsn",
    file: "client/session-paths.ts",
    edits: [[" || claim.token > message.lsn) continue;", ") continue;"]],
    net: cluster(),
    breaks: ["INV-4"],
  },
  {
    name: "keep-alive-believed-for-another-shard",
    file: "client/session-paths.ts",
    edits: [
      [
        "    for (const claim of view.claims.values()) {\n      if (claim.ttlMs > 0 || claim.state",
        "    for (const claim of state.claims.values()) {\n      if (claim.ttlMs > 0 || claim.state",
      ],
    ],
    net: cluster(),
    breaks: ["INV-4"],
  },
  {
    name: "keep-alive-prolongs-a-revoked-claim",
    file: "client/session-paths.ts",
    edits: [['claim.state !== "held" || claim.token > message.lsn', "claim.token > message.lsn"]],
    net: oneNode("revoke"),
    breaks: ["INV-4"],
  },
  {
    name: "revocation-unheard-at-an-opening",
    file: "client/session-paths.ts",
    edits: [["  noteRevoked(view, known);\n", ""]],
    net: oneNode("revoke"),
    breaks: ["INV-4"],
  },
  {
    name: "ended-claims-kept-at-an-opening",
    file: "client/session-paths.ts",
    edits: [
      [
        '    if (!held.has(claim.token)) state.endClaim(claim, "it ended while',
        '    if (held.size < 0) state.endClaim(claim, "it ended while',
      ],
    ],
    net: oneNode(),
    breaks: ["INV-4"],
  },
  {
    name: "strangers-are-kept",
    file: "client/session-paths.ts",
    edits: [["  releaseStrangers(state, path, view, known);\n", ""]],
    net: oneNode(),
    breaks: ["INV-7", "INV-9"],
  },
  {
    name: "sent-again-with-a-new-id",
    file: "client/session-paths.ts",
    edits: [["      path.sendAgain(request);", "      path.sendAnew(request);"]],
    net: oneNode(),
    breaks: ["INV-7", "INV-9"],
  },
  {
    name: "unwanted-grant-is-kept",
    file: "client/session-answers.ts",
    edits: [["  if (!wanted) {\n    state.addUnwanted(claim);\n    return;\n  }\n", "  if (!wanted) return;\n"]],
    net: oneNode(),
    breaks: ["INV-7", "INV-9"],
  },
];
