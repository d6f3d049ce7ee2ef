/**
 * Reads the cluster map, because it comes in two places, the handshake and MOVED, and a client that is led by a map that
 * contradicts itself would send requests to nowhere.
 */
import { Fields, type MapFields, ProtocolError } from "./fields.js";
import type { ClusterMap } from "./server-messages.js";

/** @throws ProtocolError if a shard has no owner, or one that is not there. */
export function readMap(map: MapFields): ClusterMap {
  const workers = new Fields(map.at("workers").array(0), "map.workers");
  const addresses = Array.from({ length: workers.size }, (_, index) => workers.textOrNone(index));
  const owners = map.at("owners").counts(0);
  const shards = map.at("shards").count(0);
  if (owners.length !== shards || shards === 0) {
    throw new ProtocolError(`malformed: map.owners names ${owners.length} workers for ${shards} shards`);
  }
  if (owners.some((owner) => owner >= addresses.length)) {
    throw new ProtocolError(`malformed: map.owners names a worker beyond the ${addresses.length} of map.workers`);
  }
  return {
    version: map.at("version").count(0),
    shards,
    ringId: map.at("ringId").count(0),
    workers: addresses,
    owners,
  };
}
