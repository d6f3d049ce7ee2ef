/**
 * Checkpoint pages: some rows of a table as bytes, with the LSN up to which they are true. Replay restores pages first
 * and then skips for their rows what they have seen. Rows keep their numbers, so a page that has not changed since stays
 * valid.
 *
 *     page   = u32 format, u32 checksum of the rest, f64 LSN, u32 page, u32 count of rows, then the rows
 *     claim  = u32 row, u8 state, u8 flags, u16 size of the name, u16 size of the metadata, u16 0, u32 client, u32 ttl,
 *              u32 renewals, u32 lock-delay, u32 permits, u32 hash of the request, f64 LSN, f64 since, f64 deadline (0:
 *              none), f64 request id, name, metadata
 *     client = u32 row, u8 state, u8 0, u16 size of the principal, u16 size of the address, u16 0,
 *              u32 ttl, u32 count of outcomes, f64 mark, f64 last request id, u32 public id × 2, u32 key × 4, principal, address, outcomes
 *     outcome = f64 request id, u32 hash, u32 kind, f64 value
 */
import { xxhash32 } from "../words/xxhash32.js";
import { claimRow, type ClientRow, clientRow } from "../words/ids.js";
import type { ByteBuffer, Bytes } from "../tables/byte-buffer.js";
import { addOutcome, freeIfIdle, indexClient } from "./apply-clients.js";
import { linkClient } from "./apply.js";
import { CLAIM_FLAGS_STORED, CLAIM_DELAYS, CLAIM_FREE, CLAIM_HOLDS, CLAIM_PAGE_SHIFT, CLAIM_WAITS } from "./claims.js";
import { CLIENT_FREE, CLIENT_PAGE_SHIFT, CLIENT_SESSION_LIVE } from "./clients.js";
import type { State } from "./state.js";

const PAGE_FORMAT = 1;
const PAGE_HEADER = 24;
const CLAIM_FIXED = 68;
const CLIENT_FIXED = 60;
const OUTCOME_SIZE = 24;

/** Writes the claims of one page into the buffer, true as of the state's head. Returns where it begins. */
export function writeClaimPage(state: State, page: number, out: ByteBuffer): number {
  const { claims } = state;
  const start = out.reserve(PAGE_HEADER);
  const first = Math.max(1, page << CLAIM_PAGE_SHIFT);
  const end = Math.min((page + 1) << CLAIM_PAGE_SHIFT, claims.capacity + 1);
  let count = 0;
  for (let row = first; row < end; row++) {
    if (claims.state(row) === CLAIM_FREE) continue;
    writeClaim(state, row, out);
    count++;
  }
  finishPage(out, start, state.head, page, count);
  return start;
}

function writeClaim(state: State, row: number, out: ByteBuffer): void {
  const { claims, resources, clients } = state;
  const claim = claimRow(row);
  const resource = claims.resource(claim);
  const nameSize = resources.nameSize(resource);
  const metadata = claims.metadata(row);
  const metadataSize = metadata === 0 ? 0 : clients.names.size(metadata);
  const at = out.reserve(CLAIM_FIXED + nameSize + metadataSize);
  const { view } = out;
  const deadline = claims.deadline(claim);
  view.setUint32(at, row, true);
  view.setUint8(at + 4, claims.state(claim));
  view.setUint8(at + 5, claims.flags(claim) & CLAIM_FLAGS_STORED);
  view.setUint16(at + 6, nameSize, true);
  view.setUint16(at + 8, metadataSize, true);
  view.setUint16(at + 10, 0, true);
  view.setUint32(at + 12, claims.client(claim), true);
  view.setUint32(at + 16, claims.ttlMs(row), true);
  view.setUint32(at + 20, claims.renewCount(row), true);
  view.setUint32(at + 24, claims.lockDelayMs(row), true);
  view.setUint32(at + 28, claims.permits(row), true);
  view.setUint32(at + 32, claims.requestHash(row), true);
  view.setFloat64(at + 36, claims.lsn(claim), true);
  view.setFloat64(at + 44, claims.since(row), true);
  view.setFloat64(at + 52, Number.isFinite(deadline) ? deadline : 0, true);
  view.setFloat64(at + 60, claims.requestId(row), true);
  resources.copyName(resource, out, at + CLAIM_FIXED);
  if (metadata !== 0) clients.names.copyTo(metadata, out.bytes, at + CLAIM_FIXED + nameSize);
}

/** Writes the clients of one page, with their outcomes. */
export function writeClientPage(state: State, page: number, out: ByteBuffer): number {
  const { clients } = state;
  const start = out.reserve(PAGE_HEADER);
  const first = Math.max(1, page << CLIENT_PAGE_SHIFT);
  const end = Math.min((page + 1) << CLIENT_PAGE_SHIFT, clients.pool.capacity + 1);
  let count = 0;
  for (let row = first; row < end; row++) {
    if (clients.state(row) === CLIENT_FREE) continue;
    writeClient(state, clientRow(row), out);
    count++;
  }
  finishPage(out, start, state.head, page, count);
  return start;
}

function writeClient(state: State, row: ClientRow, out: ByteBuffer): void {
  const { clients, outcomes } = state;
  const principal = clients.principal(row);
  const address = clients.address(row);
  const principalSize = clients.names.size(principal);
  const addressSize = clients.names.size(address);
  const count = clients.outcomes(row);
  let at = out.reserve(CLIENT_FIXED + principalSize + addressSize + count * OUTCOME_SIZE);
  const { view } = out;
  view.setUint32(at, row, true);
  view.setUint8(at + 4, clients.state(row));
  view.setUint8(at + 5, 0);
  view.setUint16(at + 6, principalSize, true);
  view.setUint16(at + 8, addressSize, true);
  view.setUint16(at + 10, 0, true);
  view.setUint32(at + 12, clients.ttlMs(row), true);
  view.setUint32(at + 16, count, true); // Every wait leaves one when it ends, so there may be more than 65,535.
  view.setFloat64(at + 20, clients.mark(row), true);
  view.setFloat64(at + 28, clients.lastRequestId(row), true);
  view.setUint32(at + 36, clients.publicId(row, 0), true);
  view.setUint32(at + 40, clients.publicId(row, 1), true);
  for (let word = 0; word < 4; word++) view.setUint32(at + 44 + word * 4, clients.keyWord(row, word), true);
  clients.names.copyTo(principal, out.bytes, at + CLIENT_FIXED);
  clients.names.copyTo(address, out.bytes, at + CLIENT_FIXED + principalSize);
  at += CLIENT_FIXED + principalSize + addressSize;
  let outcome = clients.firstOutcome(row);
  for (; outcome !== 0; outcome = outcomes.next(outcome), at += OUTCOME_SIZE) {
    view.setFloat64(at, outcomes.requestId(outcome), true);
    view.setUint32(at + 8, outcomes.requestHash(outcome), true);
    view.setUint32(at + 12, outcomes.kind(outcome), true);
    view.setFloat64(at + 16, outcomes.value(outcome), true);
  }
}

function finishPage(out: ByteBuffer, start: number, lsn: number, page: number, count: number): void {
  const { view, length } = out;
  view.setUint32(start, PAGE_FORMAT, true);
  view.setFloat64(start + 8, lsn, true);
  view.setUint32(start + 16, page, true);
  view.setUint32(start + 20, count, true);
  view.setUint32(start + 4, xxhash32(view, start + 8, length, 0), true);
}

/** What a page's header says; throws what is wrong with it, in words for an operator. */
function openPage(bytes: Uint8Array, number: number): { view: DataView; lsn: number; page: number; count: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PAGE_HEADER || view.getUint32(0, true) !== PAGE_FORMAT)
    throw new Error("a page of an unknown format");
  if (xxhash32(view, 8, bytes.length, 0) !== view.getUint32(4, true)) throw new Error("a page whose checksum is wrong");
  const page = view.getUint32(16, true);
  if (page !== number) throw new Error(`page ${page} stands in its place`);
  return { view, lsn: view.getFloat64(8, true), page, count: view.getUint32(20, true) };
}

/** Restores the claims of a page into a state that replays. @throws Error if the page is damaged. */
export function restoreClaimPage(state: State, number: number, bytes: Uint8Array): void {
  const { view, lsn, page, count } = openPage(bytes, number);
  const from = { bytes, view };
  const { claims } = state;
  claims.pageLsn[page] = lsn;
  let at = PAGE_HEADER;
  for (let i = 0; i < count; i++) at = restoreClaim(state, from, at);
}

function restoreClaim(state: State, from: Bytes, at: number): number {
  const { view, bytes } = from;
  const { claims, clients, resources } = state;
  const row = claimRow(view.getUint32(at, true));
  const kind = view.getUint8(at + 4);
  const nameAt = at + CLAIM_FIXED;
  const nameEnd = nameAt + view.getUint16(at + 6, true);
  const end = nameEnd + view.getUint16(at + 8, true);
  const hash = resources.hash(from, nameAt, nameEnd);
  let resource = resources.find(hash, from, nameAt, nameEnd);
  if (resource === 0) resource = resources.add(hash, from, nameAt, nameEnd);
  const client = clientRow(view.getUint32(at + 12, true));
  claims.begin(row, resource, client, view.getUint8(at + 5));
  claims.setTtlMs(row, view.getUint32(at + 16, true));
  const renewCount = view.getUint32(at + 20, true);
  if (renewCount !== 0) claims.setRenewCount(row, renewCount);
  claims.setLockDelayMs(row, view.getUint32(at + 24, true));
  claims.setPermits(row, view.getUint32(at + 28, true));
  claims.setLsn(row, view.getFloat64(at + 36, true));
  claims.setSince(row, view.getFloat64(at + 44, true));
  const deadline = view.getFloat64(at + 52, true);
  if (deadline !== 0) claims.wheel.arm(row, deadline);
  const requestId = view.getFloat64(at + 60, true);
  if (requestId !== 0) claims.setRequest(row, requestId, view.getUint32(at + 32, true));
  if (end !== nameEnd) claims.setMetadata(row, clients.names.put(bytes, nameEnd, end));
  claims.enter(row, kind);
  if (kind === CLAIM_WAITS) clients.setWaits(client, clients.waits(client) + 1);
  linkClient(state, row, client);
  return end;
}

/** Restores the clients of a page into a state that replays. @throws Error if the page is damaged. */
export function restoreClientPage(state: State, number: number, bytes: Uint8Array): void {
  const { view, lsn, page, count } = openPage(bytes, number);
  state.clients.pageLsn[page] = lsn;
  let at = PAGE_HEADER;
  for (let i = 0; i < count; i++) at = restoreClient(state, view, bytes, at);
}

function restoreClient(state: State, view: DataView, bytes: Uint8Array, at: number): number {
  const { clients } = state;
  const row = clientRow(view.getUint32(at, true));
  const principalAt = at + CLIENT_FIXED;
  const addressAt = principalAt + view.getUint16(at + 6, true);
  let next = addressAt + view.getUint16(at + 8, true);
  const count = view.getUint32(at + 16, true);
  const kind = view.getUint8(at + 4);
  clients.pool.claim(row);
  clients.setTtlMs(row, view.getUint32(at + 12, true));
  clients.setMark(row, view.getFloat64(at + 20, true));
  clients.setPublicId(row, 0, view.getUint32(at + 36, true));
  clients.setPublicId(row, 1, view.getUint32(at + 40, true));
  for (let word = 0; word < 4; word++) clients.setKeyWord(row, word, view.getUint32(at + 44 + word * 4, true));
  clients.setPrincipal(row, clients.names.put(bytes, principalAt, addressAt));
  clients.setAddress(row, clients.names.put(bytes, addressAt, next));
  clients.setState(row, CLIENT_SESSION_LIVE); // So that its outcomes are taken; what it is follows.
  for (let i = 0; i < count; i++, next += OUTCOME_SIZE) {
    const value = view.getFloat64(next + 16, true);
    const hash = view.getUint32(next + 8, true);
    const answered = view.getUint32(next + 12, true);
    const outcome = addOutcome(state, row, view.getFloat64(next, true), hash, answered);
    if (outcome !== 0) state.outcomes.setValue(outcome, value);
  }
  clients.setState(row, kind);
  clients.setLastRequestId(row, view.getFloat64(at + 28, true));
  indexClient(state, row);
  return next;
}

/**
 * What the rows imply, once a log has been replayed to its end: the use of each resource is that of whoever holds it or
 * waits for it (pages of different LSNs, and events of another use in between, came in any order), and clients that
 * nothing is left of are gone.
 */
export function settleRows(state: State): void {
  const { claims, clients, resources } = state;
  for (let row = claims.pool.nextLive(1); row !== 0; row = claims.pool.nextLive(row + 1)) {
    if (claims.state(row) === CLAIM_DELAYS) continue;
    resources.setPermits(claims.resource(claimRow(row)), claims.permits(row));
  }
  for (let row = clients.pool.nextLive(1); row !== 0; row = clients.pool.nextLive(row + 1))
    freeIfIdle(state, clientRow(row));
}

/** Whether the rows agree with each other, as they must once a log has been replayed to its end (INV-1 among it). */
export function checkState(state: State): string | undefined {
  const { claims, clients, resources } = state;
  for (let row = claims.pool.nextLive(1); row !== 0; row = claims.pool.nextLive(row + 1)) {
    const claim = claimRow(row);
    if (clients.state(claims.client(claim)) === CLIENT_FREE)
      return `claim ${claims.lsn(claim)} has a client that is gone`;
    const resource = claims.resource(claim);
    const holders = resources.holders(resource);
    const permits = resources.permits(resource);
    if (claims.state(claim) !== CLAIM_HOLDS || holders === 1) continue;
    const isShared = permits === 0 && (claims.flags(claim) & 3) === 1;
    if (!isShared && holders > permits) return `INV-1: claim ${claims.lsn(claim)} holds beside one that it excludes`;
  }
  return undefined;
}
