/** Says a reply of a shard as a line of a story. */
import { faultCode } from "../../src/words/faults.js";
import {
  CAUSE_EXPIRED,
  CAUSE_FORCED,
  CAUSE_REVOKED,
  CAUSE_SESSION_ENDED,
  KIND_ABANDONED,
  KIND_ACQUIRE,
  KIND_ALREADY_GRANTED,
  KIND_BUSY,
  KIND_CANCELLED,
  KIND_CHECKED,
  KIND_CLAIM_ENDED,
  KIND_DONE,
  KIND_FAULT,
  KIND_GRANTED,
  KIND_KEPT,
  KIND_LISTED,
  KIND_NOT_HELD,
  KIND_NOT_WAITING,
  KIND_OPEN_SHARD,
  KIND_POSITION,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_REVOKED,
  KIND_SESSION_ENDED,
  KIND_TIMED_OUT,
} from "../../src/words/kinds.js";
import { formatDuration } from "../../src/words/duration.js";
import type { Caller } from "../shard/caller.js";
import { readClaim, type Reply, type ReplyRow, textOf } from "../shard/reply.js";

/** What a line says beside the reply. */
export interface Telling {
  readonly caller: Caller;
  /** What the request that is answered was. */
  readonly op: number;
  /** Its resource and a space, or nothing. */
  readonly about: string;
  readonly nowMs: number;
  readonly callers: readonly Caller[];
}

const MODE_NAMES = ["exclusive", "shared", "permit"];
const CAUSES: ReadonlyMap<number, string> = new Map([
  [CAUSE_EXPIRED, "expired"],
  [CAUSE_REVOKED, "revoked"],
  [CAUSE_FORCED, "forced"],
  [CAUSE_SESSION_ENDED, "session-ended"],
]);
const OUTCOMES: ReadonlyMap<number, string> = new Map([
  [KIND_GRANTED, "granted"],
  [KIND_RELEASED, "released"],
  [KIND_RENEWED, "renewed"],
  [KIND_TIMED_OUT, "timed-out"],
  [KIND_CANCELLED, "cancelled"],
  [KIND_ABANDONED, "abandoned"],
  [KIND_DONE, "done"],
]);

/** The words behind the caller's name. @throws Error for a reply of a kind that no story has. */
export function tellReply(reply: Reply, telling: Telling): string {
  const { about } = telling;
  switch (reply.kind) {
    case KIND_GRANTED:
      return granted(reply, telling);
    case KIND_BUSY:
      return `busy ${about}holders=[${holders(reply, telling)}] waiters=${reply.b}${reply.c === 1 ? " yours" : ""}${delay(reply.d)}`;
    case KIND_CHECKED: {
      const who = reply.a === 0 ? "free" : `holders=[${holders(reply, telling)}]`;
      return `checked ${about}${who} waiters=${reply.b}${delay(reply.c)}`;
    }
    case KIND_POSITION:
      return `position ${about}${reply.b} waited=${formatDuration(reply.c)} holders=[${holders(reply, telling)}]`;
    case KIND_LISTED:
      return listed(reply, telling);
    case KIND_RENEWED:
      return `renewed ${about}${reply.a === 0 ? "session" : `ttl=${formatDuration(reply.a)}`} left=${formatDuration(reply.b)}`;
    case KIND_REVOKED:
      return `revoked ${about}left=${formatDuration(reply.a)}`;
    case KIND_CANCELLED:
      return `cancelled ${about}${telling.op === KIND_ACQUIRE ? `wait-id=${reply.id}` : ""}`.trim();
    case KIND_ALREADY_GRANTED:
      return `already-granted ${about}token=${reply.a}`;
    case KIND_FAULT:
      return `fault ${about}${faultCode(reply.a)}: ${textOf(reply)}`;
    default:
      return plain(reply, telling);
  }
}

function plain(reply: Reply, { about }: Telling): string {
  switch (reply.kind) {
    case KIND_RELEASED:
      return `released ${about}`.trim();
    case KIND_NOT_HELD:
      return `not-held ${about}`.trim();
    case KIND_TIMED_OUT:
      return `timed-out ${about}`.trim();
    case KIND_ABANDONED:
      return `abandoned ${about}`.trim();
    case KIND_NOT_WAITING:
      return `not-waiting ${about}`.trim();
    case KIND_DONE:
      return reply.f === 0 ? `done ${about}claims=${reply.a}` : "closed";
    case KIND_KEPT:
      return `kept lsn=${reply.c} mark=${reply.details[0]?.b ?? 0}`;
    case KIND_SESSION_ENDED:
      return `session-ended mark=${reply.a}`;
    case KIND_CLAIM_ENDED:
      return claimEnded(reply);
    case KIND_OPEN_SHARD:
      return opened(reply);
    default:
      throw new Error(`no story has a reply of kind ${reply.kind}`);
  }
}

function granted(reply: Reply, { about, nowMs }: Telling): string {
  const waited = reply.c === 1;
  const leftMs = waited ? reply.d : reply.b;
  const until = reply.b === 0 && (leftMs > 0 || !waited) ? "session" : formatDuration(nowMs + leftMs);
  const text = `granted ${about}token=${reply.a} until=${waited && leftMs === 0 ? "over" : until}`;
  if (!waited) return text;
  return `${text} left=${formatDuration(leftMs)} heard=${reply.e === 0 ? "never" : formatDuration(nowMs - reply.f)}`;
}

function delay(leftMs: number): string {
  return leftMs === 0 ? "" : ` delay=${formatDuration(leftMs)}`;
}

function holders(reply: Reply, telling: Telling): string {
  return reply.details.map((row) => holder(row, telling)).join(", ");
}

function holder(row: ReplyRow, { callers }: Telling): string {
  const claim = readClaim(row);
  const who = callers.find((caller) =>
    claim.isSession
      ? caller.isSession && caller.publicId[0] === claim.publicId && caller.principal === claim.principal
      : !caller.isSession && caller.principal === claim.principal && caller.address === claim.address,
  );
  const words = [who?.name ?? "?", `${MODE_NAMES[claim.mode] ?? "?"}${claim.permits === 0 ? "" : `/${claim.permits}`}`];
  if (claim.token !== 0) words.push(`token=${claim.token}`);
  words.push(
    `since=${formatDuration(claim.heldMs)}`,
    `left=${claim.leftMs < 0 ? "session" : formatDuration(claim.leftMs)}`,
  );
  if (claim.renewals !== 0) words.push(`renewals=${claim.renewals}`);
  if (claim.metadata !== "") words.push(JSON.stringify(claim.metadata));
  return words.join(" ");
}

function listed(reply: Reply, telling: Telling): string {
  const claims: string[] = [];
  for (let i = 0; i + 1 < reply.details.length; i += 2) {
    const [place, claim] = reply.details.slice(i, i + 2);
    if (place === undefined || claim === undefined) continue;
    claims.push(`${textOf(place)} ${place.a === 1 ? "held" : "awaited"} by ${holder(claim, telling)}`);
  }
  return `listed [${claims.join(", ")}]${reply.b === 0 ? "" : ` from=${reply.b}`}`;
}

function claimEnded(reply: Reply): string {
  const reason = textOf(reply, reply.d);
  const words = [
    `claim-ended ${textOf(reply, 0, reply.d)} token=${reply.b} ${CAUSES.get(reply.c) ?? "?"} mark=${reply.a}`,
  ];
  if (reason !== "") words.push(`reason=${reason}`);
  return words.join(" ");
}

function opened(reply: Reply): string {
  const head = reply.details[0];
  if (head === undefined) return "opened new";
  const claims = reply.details.slice(1, 1 + head.f).map((row) => {
    const left = row.d < 0 ? "session" : formatDuration(row.d);
    return `#${row.a} ${textOf(row)} ${row.e === 1 ? "waits" : `token=${row.b}`} ${MODE_NAMES[row.c] ?? "?"} left=${left}`;
  });
  const outcomes = reply.details.slice(1 + head.f).map((row) => `#${row.a} ${OUTCOMES.get(row.b) ?? "?"} ${row.c}`);
  return `opened mark=${head.c} claims=[${claims.join(", ")}] outcomes=[${outcomes.join(", ")}]`;
}
