/** Finds the claim that a request means by resource and token, if it is its to touch (INV-8). Hot path: `make micro`. */
import { CLAIM_LOOSE } from "../words/event-kinds.js";
import { type ClaimRow, claimRow, type ClientRow, resourceRow, type ResourceRow } from "../words/ids.js";
import type { Engine } from "./engine.js";

/** The row of the resource that a request names, 0 if nobody holds it or waits for it. */
export function resourceOf(engine: Engine, request: number): ResourceRow {
  const { inbox, state } = engine;
  const nameAt = inbox.nameAt(request);
  const nameEnd = inbox.nameEnd(request);
  if (nameEnd === nameAt) return resourceRow(0);
  return state.resources.find(state.resources.hash(inbox.frames, nameAt, nameEnd), inbox.frames, nameAt, nameEnd);
}

/** The claim that holds the named resource under the token told, 0 if there is none or it is not this client's. */
export function findHeld(engine: Engine, request: number, client: ClientRow): ClaimRow {
  const resource = resourceOf(engine, request);
  if (resource === 0) return claimRow(0);
  const claim = findToken(engine, resource, engine.inbox.token(request));
  return claim !== 0 && isTheirs(engine, claim, client, request) ? claim : claimRow(0);
}

/** The claim that holds a resource under a token, 0 if there is none. */
function findToken(engine: Engine, resource: ResourceRow, token: number): ClaimRow {
  const { resources, claims } = engine.state;
  let row = claimRow(resources.firstHolder(resource));
  while (row !== 0 && claims.lsn(row) !== token) row = claims.next(row);
  return row;
}

/** A session's claim is its own; a loose one is its principal's, and the token guards against mistakes. */
function isTheirs(engine: Engine, claim: ClaimRow, client: ClientRow, request: number): boolean {
  const { claims, clients } = engine.state;
  const holder = claims.client(claim);
  if (client !== 0 && holder === client) return true;
  if ((claims.flags(claim) & CLAIM_LOOSE) === 0) return false;
  const path = engine.inbox.path(request);
  const { paths } = engine;
  const size = paths.names.copyTo(paths.principal(path), scratch, 0);
  return clients.names.equals(clients.principal(holder), scratch, 0, size);
}

const scratch = new Uint8Array(1100);
