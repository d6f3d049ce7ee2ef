/**
 * All that a shard's tables say, as text in one fixed order: two states are the same if their dumps are, byte for byte.
 * What only a primary in office knows (when a session was heard, on which path) is left out.
 */
import { claimRow } from "../../src/words/ids.js";
import { CLAIM_DELAYS, CLAIM_FLAGS_STORED, CLAIM_WAITS } from "../../src/engine/claims.js";
import { CLIENT_SESSION_LIVE } from "../../src/engine/clients.js";
import type { State } from "../../src/engine/state.js";
import { bytesOf } from "../../src/tables/byte-buffer.js";

/** A line for each claim, with its place in the queue, and for each client with its outcomes. */
export function dump(state: State): string {
  return [`head ${state.head}`, ...claimLines(state), ...clientLines(state)].join("\n");
}

const bytes = bytesOf(new Uint8Array(2_048));
const decoder = new TextDecoder();

function claimLines(state: State): string[] {
  const { claims, clients, resources } = state;
  const lines: string[] = [];
  for (let row = claims.pool.nextLive(1); row !== 0; row = claims.pool.nextLive(row + 1)) {
    const claim = claimRow(row);
    const resource = claims.resource(claim);
    const kind = claims.state(row);
    const isInUse = kind !== CLAIM_DELAYS;
    let place = 0;
    if (kind === CLAIM_WAITS)
      for (let before = claims.previous(claim); before !== 0; before = claims.previous(before)) place++;
    const use = isInUse ? [resources.permits(resource), resources.holders(resource), resources.waiters(resource)] : [];
    const fields = {
      ...{
        row,
        resource: decoder.decode(bytes.bytes.subarray(0, resources.copyName(resource, bytes, 0))),
        kind,
        place,
        use,
      },
      ...{ client: claims.client(claim), flags: claims.flags(row) & CLAIM_FLAGS_STORED, lsn: claims.lsn(row) },
      ...{ since: claims.since(row), deadline: String(claims.deadline(claim)), ttl: claims.ttlMs(row) },
      ...{ request: claims.requestId(row), hash: claims.requestHash(row), renewals: claims.renewCount(row) },
      ...{
        delay: claims.lockDelayMs(row),
        permits: claims.permits(row),
        metadata: clients.names.read(claims.metadata(row)),
      },
    };
    lines.push(`claim ${JSON.stringify(fields)}`);
  }
  return lines;
}

function clientLines(state: State): string[] {
  const { clients, outcomes } = state;
  const lines: string[] = [];
  for (let row = clients.pool.nextLive(1); row !== 0; row = clients.pool.nextLive(row + 1)) {
    const isLive = clients.state(row) === CLIENT_SESSION_LIVE;
    const kept: number[][] = [];
    for (let outcome = clients.firstOutcome(row); outcome !== 0; outcome = outcomes.next(outcome)) {
      const { requestId, requestHash, kind, value } = {
        ...{ requestId: outcomes.requestId(outcome), requestHash: outcomes.requestHash(outcome) },
        ...{ kind: outcomes.kind(outcome), value: outcomes.value(outcome) },
      };
      kept.push([requestId, requestHash, kind, value]);
    }
    const fields = {
      ...{ row, state: clients.state(row), key: [0, 1, 2, 3].map((word) => clients.keyWord(row, word)) },
      ...{ principal: clients.names.read(clients.principal(row)), address: clients.names.read(clients.address(row)) },
      ...{ ttl: clients.ttlMs(row), mark: isLive ? clients.mark(row) : 0, lastId: clients.lastRequestId(row) },
      ...{ claims: clients.claims(row), waits: clients.waits(row), kept, keptCount: clients.outcomes(row) },
    };
    lines.push(`client ${JSON.stringify(fields)}`);
  }
  return lines;
}
