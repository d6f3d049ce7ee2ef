/** Answers one page of claims, in row order: a page looks at a bounded number of rows, so it may be empty (system.md §4). */
import { claimRow } from "../words/ids.js";
import { KIND_LISTED } from "../words/kinds.js";
import { bytesOf } from "../tables/byte-buffer.js";
import { DETAIL } from "../tables/replies.js";
import { CLAIM_DELAYS, CLAIM_HOLDS } from "./claims.js";
import type { Engine } from "./engine.js";
import { addResourceName, describeClaim, isWordy } from "./holders.js";

/** How many rows one page looks at, and how many claims it tells, at most. */
const LIST_ROWS_MAX = 10_000;
export const LIST_CLAIMS_MAX = 1_000;

/**
 * The request: name is the prefix, `token` the first row to look at, `permits` how many claims at most. Two rows for
 * each claim: one with 1 (holds) or 0 in a and the resource as text, one as in holders.ts. The reply: a is the count, b
 * the row to go on from, 0 if that was all.
 */
export function list(engine: Engine, request: number): void {
  const { inbox, replies, state } = engine;
  const { claims } = state;
  const nameAt = inbox.nameAt(request);
  const nameEnd = inbox.nameEnd(request);
  const asked = inbox.permits(request);
  const claimsMax = asked > 0 ? Math.min(asked, LIST_CLAIMS_MAX) : LIST_CLAIMS_MAX;
  const client = engine.clientOf(request);
  const reply = engine.answer(request, KIND_LISTED);
  let count = 0;
  let looked = isWordy(replies) ? LIST_ROWS_MAX : 0; // Then the page is empty, and its cursor is where it began.
  let row = claimRow(claims.pool.nextLive(Math.max(1, inbox.token(request))));
  for (
    ;
    row !== 0 && count < claimsMax && looked < LIST_ROWS_MAX;
    looked++, row = claimRow(claims.pool.nextLive(row + 1))
  ) {
    if (claims.state(row) === CLAIM_DELAYS) continue;
    const size = state.resources.copyName(claims.resource(row), scratch, 0);
    if (!beginsWith(scratch.bytes, size, inbox.bytes, nameAt, nameEnd)) continue;
    const detail = replies.add(DETAIL, 0, 0, 0);
    replies.setA(detail, claims.state(row) === CLAIM_HOLDS ? 1 : 0);
    addResourceName(engine, detail, row);
    describeClaim(engine, row, client);
    count++;
  }
  replies.setA(reply, count);
  replies.setB(reply, row);
}

const scratch = bytesOf(new Uint8Array(1100));

function beginsWith(name: Uint8Array, size: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > size) return false;
  for (let i = start; i < end; i++) if (name[i - start] !== bytes[i]) return false;
  return true;
}
