/** Tells who holds a resource: rows behind a reply, made of what is true at the decision. */
import { type ClaimRow, claimRow, type ClientRow, type ResourceRow } from "../words/ids.js";
import { bytesOf } from "../tables/byte-buffer.js";
import { DETAIL, type Replies } from "../tables/replies.js";
import { CLAIM_HOLDS } from "./claims.js";
import { CLIENT_BARE } from "./clients.js";
import type { Engine } from "./engine.js";

/** How many holders a `busy` names; `check` names more. */
export const HOLDERS_TOLD_BUSY = 16;
export const HOLDERS_TOLD_CHECK = 1_000;
/** A frame may ask 16,384 times for all that there is: from so many rows on that wait to leave, answers are short. */
const ROWS_WORDY = 16_384;

/** Whether so much waits to be said that lists are kept short: what one frame asks for must fit into memory. */
export function isWordy(replies: Replies): boolean {
  return replies.end - replies.first > ROWS_WORDY;
}

/**
 * Adds a row for each holder, at most `max`: a mode, b token (0 unless `client`'s own), c held ms, d left ms (-1: bound
 * to its session), e renewals, f permits; id: its client's public id, in two halves; text: sizes and bytes of principal,
 * address, metadata.
 */
export function describeHolders(
  engine: Engine,
  resource: ResourceRow,
  client: ClientRow,
  max: number,
): { count: number; isYours: boolean } {
  const { resources, claims } = engine.state;
  let count = 0;
  let isYours = false;
  let row = claimRow(resources.firstHolder(resource));
  for (; row !== 0 && count < max; row = claims.next(row), count++) {
    if (describeClaim(engine, row, client)) isYours = true;
  }
  return { count, isYours };
}

/** Adds the row of one claim; returns whether it is `client`'s. */
export function describeClaim(engine: Engine, row: ClaimRow, client: ClientRow): boolean {
  const { state, replies } = engine;
  const { claims, clients } = state;
  const holder = claims.client(row);
  const isYours = client !== 0 && holder === client;
  const detail = replies.add(DETAIL, 0, 0, 0);
  const holds = claims.state(row) === CLAIM_HOLDS;
  const bound = (claims.flags(row) & 8) !== 0 && holds;
  replies.setA(detail, claims.flags(row) & 3);
  replies.setB(detail, isYours && holds ? claims.lsn(row) : 0);
  replies.setC(detail, Math.max(0, Math.floor(state.now - claims.since(row))));
  replies.setD(detail, bound ? -1 : Math.max(0, Math.ceil(claims.deadline(row) - state.now)));
  replies.setE(detail, claims.renewCount(row));
  replies.setF(detail, state.resources.permits(claims.resource(row)));
  replies.setPath(detail, clients.publicId(holder, 0));
  replies.setId(detail, clients.publicId(holder, 1));
  replies.setSerial(detail, clients.state(holder) === CLIENT_BARE ? 0 : 1);
  addName(engine, detail, clients.principal(holder));
  addName(engine, detail, clients.address(holder));
  addName(engine, detail, claims.metadata(row));
  return isYours;
}

const scratch = bytesOf(new Uint8Array(1100));

/** Adds a length-prefixed string of the clients' arena to a row's text. */
function addName(engine: Engine, detail: number, name: number): void {
  const size = name === 0 ? 0 : engine.state.clients.names.copyTo(name, scratch.bytes, 2);
  scratch.view.setUint16(0, size, true);
  engine.replies.addText(detail, scratch.bytes, 0, size + 2);
}

/** Adds the name of a claim's resource to a row's text. */
export function addResourceName(engine: Engine, reply: number, row: ClaimRow): void {
  const size = engine.state.resources.copyName(engine.state.claims.resource(row), scratch, 0);
  engine.replies.addText(reply, scratch.bytes, 0, size);
}
