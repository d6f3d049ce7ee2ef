/**
 * Histories spoiled on purpose, by kind: each kind breaks one thing that a checker must see, at a place that chance
 * chooses. What a kind is named after is what goes wrong in the lock service that would write such a history.
 */
import type { HistoryLine, HistoryOp } from "../../src/words/history.js";
import type { GoodHistory, Hold } from "./good-history.js";
import { ROOM_NS, STRANGER, sure } from "./good-history.js";
import { WATCH_SPOILS } from "./spoil-watch.js";

/** Spoils a history, if it has a place for that. */
export type Spoil = (good: GoodHistory) => readonly HistoryLine[] | undefined;

/** What a kind breaks, and the rules by which the checker may see it. */
export interface SpoilKind {
  readonly rules: readonly string[];
  readonly spoil: Spoil;
}

/** An acquire that is granted in the midst of a hold. */
function grantWithin(mode: "exclusive" | "shared" | "permit", held: "exclusive" | "shared"): Spoil {
  return (good) => {
    const hold = good.hold(held);
    if (hold === undefined) return undefined;
    const token = good.freeToken(hold.resource, hold.token);
    const args = { mode, ttl_ms: 0, wait_ms: 0, ...(mode === "permit" ? { permits: 3 } : {}) };
    return good.with(good.op(sure(hold), { op: "acquire", args, outcome: "granted", token }));
  };
}

/** An answer in the midst of an exclusive hold. */
function answerWithin(rest: Partial<HistoryOp>): Spoil {
  return (good) => {
    const hold = good.hold("exclusive");
    return hold === undefined ? undefined : good.with(good.op(sure(hold), rest));
  };
}

/** An answer about a claim after its release was answered. */
function answerAfter(rest: Partial<HistoryOp>): Spoil {
  return (good) => {
    const hold = good.hold("exclusive");
    if (hold === undefined) return undefined;
    const within = { resource: hold.resource, from: hold.releasedAt + 10, to: hold.releasedAt + 50 };
    return good.with(good.op(within, { session: hold.grant.session, token: hold.token, ...rest }));
  };
}

/** An answer while nobody held, waited or was delayed. */
function answerInGap(rest: (client: string) => Partial<HistoryOp>): Spoil {
  return (good) => {
    const gap = good.gap();
    return gap === undefined ? undefined : good.with(good.op(gap, rest(gap.before.grant.session)));
  };
}

const exclusive = { mode: "exclusive", ttl_ms: 0, wait_ms: 0 } as const;

const swappedTokens: Spoil = (good) => {
  const first = good.hold("exclusive", (hold) => {
    const next = good.next(hold);
    return next !== undefined && next.mode === "exclusive" && hold.releasedAt < next.grant.call;
  });
  const second = first === undefined ? undefined : good.next(first);
  if (first === undefined || second === undefined) return undefined;
  return good.lines.map((line) => {
    if (line.t !== "op" && line.t !== "believe") return line;
    if (line.resource !== first.resource || line.token === null) return line;
    if (line.token === first.token) return { ...line, token: second.token };
    return line.token === second.token ? { ...line, token: first.token } : line;
  });
};

const tokenTwice: Spoil = (good) => {
  const hold = good.hold("exclusive");
  if (hold === undefined) return undefined;
  const within = { resource: hold.resource, from: hold.releasedAt + 10, to: hold.releasedAt + 50 };
  return good.with(good.op(within, { op: "acquire", args: exclusive, outcome: "granted", token: hold.token }));
};

const requestTwice: Spoil = (good) => {
  const hold = good.hold("shared", ({ grant }) => grant.session !== "");
  if (hold === undefined) return undefined;
  const token = good.freeToken(hold.resource, hold.token);
  return good.with({ ...hold.grant, process: good.strange(), token });
};

/** The release is lost, and the library goes on believing. */
const believedPastNext: Spoil = (good) => {
  const hold = good.hold("exclusive", (one) => good.belief(one) !== undefined && good.next(one) !== undefined);
  const belief = hold === undefined ? undefined : good.belief(hold);
  const next = hold === undefined ? undefined : good.next(hold);
  if (hold === undefined || belief === undefined || next === undefined) return undefined;
  const longer = { ...belief, to: next.grantedAt + 1000 };
  return good.without(hold.release).map((line) => (line === belief ? longer : line));
};

const believedPastRelease: Spoil = (good) => {
  const hold = good.hold("exclusive", (one) => good.belief(one) !== undefined);
  const belief = hold === undefined ? undefined : good.belief(hold);
  if (hold === undefined || belief === undefined) return undefined;
  return good.instead(belief, { ...belief, to: hold.releasedAt + 1000 });
};

const believedBeforeAsked: Spoil = (good) => {
  const hold = good.hold("exclusive", (one) => good.belief(one) !== undefined);
  const belief = hold === undefined ? undefined : good.belief(hold);
  if (hold === undefined || belief === undefined) return undefined;
  return good.instead(belief, { ...belief, from: Math.max(0, hold.grant.call - 1000) });
};

const believedByStranger: Spoil = (good) => {
  const hold = good.hold("exclusive");
  if (hold === undefined) return undefined;
  const { resource, mode, token } = hold;
  const span = { from: hold.grantedAt, to: hold.releasedFrom };
  return good.with({ t: "believe", process: 0, resource, mode, token: good.freeToken(resource, token), ...span });
};

const ownNotHeld: Spoil = (good) => {
  const hold = good.hold("exclusive");
  if (hold === undefined) return undefined;
  const { token, grant } = hold;
  return good.with(good.op(sure(hold), { op: "renew", outcome: "not_held", token, session: grant.session }));
};

const staleCheck: Spoil = (good) => {
  const hold = good.hold("exclusive", (one) => {
    const next = good.next(one);
    return (
      next !== undefined && next.grant.session !== one.grant.session && next.releasedFrom - next.grantedAt > ROOM_NS
    );
  });
  const next = hold === undefined ? undefined : good.next(hold);
  if (hold === undefined || next === undefined || next.mode !== "exclusive") return undefined;
  const holders = [{ client: hold.grant.session, mode: hold.mode }];
  return good.with(good.op(sure(next), { outcome: "held", result: { holders, waiters: 0 } }));
};

const tooManyPermits: Spoil = (good) => {
  const hold = good.hold("permit");
  if (hold === undefined) return undefined;
  const permits = hold.grant.args.permits ?? 1;
  const { resource, from, to } = sure(hold);
  const step = Math.floor((to - from) / (2 * permits + 2));
  const added: HistoryOp[] = [];
  let token = hold.token;
  for (let n = 0; n < permits; n++) {
    token = good.freeToken(resource, token);
    const at = (turn: number): { readonly resource: string; readonly from: number; readonly to: number } => {
      return { resource, from: from + step * (turn + 1), to: from + step * (turn + 1) };
    };
    const args = { mode: "permit", ttl_ms: 0, wait_ms: 0, permits } as const;
    added.push(good.op(at(n), { op: "acquire", args, outcome: "granted", token }));
    added.push(good.op(at(permits + n), { op: "release", outcome: "released", token }));
  }
  return good.with(...added);
};

/** A grant that is answered before its predecessor is released, where nobody was told of waiters while it waited. */
const grantMoved: Spoil = (good) => {
  const hold = good.hold("exclusive", (one) => {
    const next = good.next(one);
    return next?.mode === "exclusive" && !isToldToWait(good, next);
  });
  const next = hold === undefined ? undefined : good.next(hold);
  if (hold === undefined || next === undefined) return undefined;
  const moved = { ...next.grant, process: good.strange(), call: hold.grantedAt + 1, return: hold.releasedFrom - 1 };
  return good.instead(next.grant, moved);
};

function isToldToWait(good: GoodHistory, { resource, grant, grantedAt }: Hold): boolean {
  const told = good.ops(
    (op) =>
      op.resource === resource &&
      (op.result.waiters ?? op.result.queue ?? 0) > 0 &&
      op.call < grantedAt &&
      (op.return ?? Infinity) > grant.call,
  );
  return told.length > 0;
}

const grantLost: Spoil = (good) => {
  const hold = good.hold("exclusive");
  return hold === undefined ? undefined : good.without(hold.grant);
};

const cancelledAndGranted: Spoil = (good) => {
  const cancel = good.pick(good.ops(({ op, outcome }) => op === "cancel" && outcome === "cancelled"));
  if (cancel === undefined) return undefined;
  const [wait] = good.ops(
    ({ op, id, session }) => op === "acquire" && id === cancel.args.id && session === cancel.session,
  );
  if (wait === undefined || wait.resource === null) return undefined;
  const before = good.holds.filter(({ resource, grantedAt }) => resource === wait.resource && grantedAt < wait.call);
  const token = good.freeToken(wait.resource, before.at(-1)?.token ?? 0);
  return good.instead(wait, { ...wait, outcome: "granted", token });
};

const processOverlap: Spoil = (good) => {
  const one = good.pick(good.ops(({ return: returned, call }) => returned !== null && returned > call));
  if (one === undefined) return undefined;
  const { process, session, call } = one;
  const keepalive = {
    op: "keepalive",
    resource: null,
    outcome: "ok",
    process,
    session,
    call,
    return: one.return,
  } as const;
  return good.with(good.op({ resource: "", from: 0, to: 0 }, keepalive));
};

const processAfterUnknown: Spoil = (good) => {
  const hold = good.hold("exclusive");
  if (hold === undefined) return undefined;
  const process = good.strange();
  const within = sure(hold);
  const unknown = good.op(within, { op: "renew", outcome: "unknown", return: null, process, token: hold.token });
  return good.with(unknown, good.op(within, { op: "keepalive", resource: null, outcome: "ok", process }));
};

/** All kinds by name. */
export const SPOILS: ReadonlyMap<string, SpoilKind> = new Map<string, SpoilKind>([
  ["swapped-tokens", { rules: ["order", "two-holders"], spoil: swappedTokens }],
  ["second-holder", { rules: ["two-holders"], spoil: grantWithin("exclusive", "exclusive") }],
  ["shared-over-exclusive", { rules: ["two-holders"], spoil: grantWithin("shared", "exclusive") }],
  ["permit-over-exclusive", { rules: ["two-holders"], spoil: grantWithin("permit", "exclusive") }],
  ["exclusive-over-shared", { rules: ["two-holders"], spoil: grantWithin("exclusive", "shared") }],
  ["too-many-permits", { rules: ["two-holders", "order"], spoil: tooManyPermits }],
  ["token-twice", { rules: ["token-twice"], spoil: tokenTwice }],
  ["request-twice", { rules: ["request-twice"], spoil: requestTwice }],
  ["grant-before-release", { rules: ["two-holders"], spoil: grantMoved }],
  ["grant-lost", { rules: ["never-granted", "believed-without-grant"], spoil: grantLost }],
  ["believed-past-next-grant", { rules: ["two-holders"], spoil: believedPastNext }],
  ["believed-past-release", { rules: ["held-after-end"], spoil: believedPastRelease }],
  ["believed-before-asked", { rules: ["held-before-asked"], spoil: believedBeforeAsked }],
  ["believed-by-stranger", { rules: ["believed-without-grant"], spoil: believedByStranger }],
  ["released-twice", { rules: ["released-twice"], spoil: answerAfter({ op: "release", outcome: "released" }) }],
  ["renewed-after-release", { rules: ["held-after-end"], spoil: answerAfter({ op: "renew", outcome: "renewed" }) }],
  ["not-held-while-held", { rules: ["held-after-end"], spoil: ownNotHeld }],
  [
    "released-without-grant",
    { rules: ["never-granted"], spoil: answerWithin({ op: "release", outcome: "released", token: 2 ** 50 }) },
  ],
  ["free-while-held", { rules: ["order"], spoil: answerWithin({ result: { holders: [], waiters: 0 } }) }],
  [
    "forced-nobody-while-held",
    { rules: ["order"], spoil: answerWithin({ op: "force-release", outcome: "ok", result: { count: 0 } }) },
  ],
  [
    "unwanted-claim",
    {
      rules: ["nobody-there"],
      spoil: answerWithin({
        outcome: "held",
        result: { holders: [{ client: STRANGER, mode: "exclusive" }], waiters: 0 },
      }),
    },
  ],
  [
    "two-holders-checked",
    {
      rules: ["two-holders"],
      spoil: answerWithin({
        outcome: "held",
        result: { holders: [STRANGER, "00"].map((client) => ({ client, mode: "exclusive" })), waiters: 0 },
      }),
    },
  ],
  ["unwanted-waits", { rules: ["unwanted-wait"], spoil: answerWithin({ outcome: "held", result: { waiters: 1000 } }) }],
  ["stale-check", { rules: ["nobody-there", "two-holders", "not-named"], spoil: staleCheck }],
  [
    "busy-while-free",
    {
      rules: ["nobody-there"],
      spoil: answerInGap((holder) => ({
        op: "acquire",
        args: exclusive,
        outcome: "busy",
        result: { holder, queue: 0 },
      })),
    },
  ],
  [
    "busy-with-nothing",
    {
      rules: ["nobody-there"],
      spoil: answerInGap(() => ({
        op: "acquire",
        args: exclusive,
        outcome: "busy",
        result: { holder: null, queue: 0 },
      })),
    },
  ],
  [
    "timed-out-while-free",
    {
      rules: ["nobody-there"],
      spoil: answerInGap(() => ({ op: "acquire", args: { ...exclusive, wait_ms: 1 }, outcome: "timed_out" })),
    },
  ],
  ["granted-though-cancelled", { rules: ["granted-though-cancelled"], spoil: cancelledAndGranted }],
  ["process-overlap", { rules: ["process"], spoil: processOverlap }],
  ["process-after-unknown", { rules: ["process"], spoil: processAfterUnknown }],
  ...WATCH_SPOILS,
]);
