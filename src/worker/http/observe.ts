/** What observers ask: check, list, status. They change nothing. */
import { LIST_CLAIMS_MAX } from "../../engine/list.js";
import { KIND_ASK_STATUS, KIND_CHECK, KIND_LIST } from "../../words/kinds.js";
import type { ClaimListed } from "../../protocol/server-messages.js";
import { claimJson, holderJson } from "./answers.js";
import type { Call } from "./call.js";
import { type Line, unexpected } from "./line.js";
import { json, type Reply } from "./reply.js";
import type { CheckQuery, ListQuery } from "./requests.js";

/** Pages of the protocol behind one of ours: each has one shard's claims at most, and many shards have none. */
const PAGES_MAX = 256;

/** GET /v1/check. */
export async function check(call: Call, { resource }: CheckQuery): Promise<Reply> {
  const answer = await call.line.ask(KIND_CHECK, resource);
  if (answer.kind !== "checked") throw unexpected(answer.kind);
  const { holders, waiters, delayMs } = answer;
  const free = holders.length === 0 && delayMs === 0;
  return json({ resource, free, holders: holders.map(holderJson), waiters, lockDelayMs: delayMs });
}

/** GET /v1/list: a page that is not full and has a cursor is not the last. */
export async function list(call: Call, { prefix = "", limit = LIST_CLAIMS_MAX, cursor }: ListQuery): Promise<Reply> {
  const page = await readPages(call.line, { prefix, claimsMax: limit, cursor });
  return json({ claims: page.claims.map(claimJson), cursor: page.cursor ?? null });
}

/** Reads pages until there are enough claims, or no more, or it takes too long. */
export async function readPages(
  line: Line,
  asked: { readonly prefix: string; readonly claimsMax: number; readonly cursor: string | undefined },
): Promise<{ readonly claims: readonly ClaimListed[]; readonly cursor: string | undefined }> {
  const claims: ClaimListed[] = [];
  let { cursor } = asked;
  for (let pages = 0; pages < PAGES_MAX && claims.length < asked.claimsMax; pages++) {
    const wanted = Math.min(LIST_CLAIMS_MAX, asked.claimsMax - claims.length);
    const answer = await line.ask(KIND_LIST, asked.prefix, wanted, cursor ?? null);
    if (answer.kind !== "listed") throw unexpected(answer.kind);
    claims.push(...answer.claims);
    cursor = answer.cursor;
    if (cursor === undefined) break;
  }
  return { claims, cursor };
}

/** GET /v1/status: the node's own JSON. */
export async function status(call: Call): Promise<Reply> {
  const answer = await call.line.ask(KIND_ASK_STATUS);
  if (answer.kind !== "status") throw unexpected(answer.kind);
  return { status: 200, contentType: "application/json", body: `${answer.json}\n` };
}
