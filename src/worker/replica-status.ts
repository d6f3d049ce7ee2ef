/** What `status` shows of replicas: read out of their state, which is plain data. */
import type { ReplicaState } from "../replication/state.js";
import type { ReplicaStatus } from "./options.js";

/** Of one replica. `lag` is in events within an era; a peer of another era lacks the whole log. */
export function replicaStatus(state: Readonly<ReplicaState>): ReplicaStatus {
  const end = state.tail.at(-1)?.position.lsn ?? state.base.lsn;
  const isPrimary = state.role === "primary";
  const peers = state.peers.map(({ name, feeding, stored }) => ({
    replica: name,
    feeding,
    lag: feeding === "streaming" ? Math.max(0, end - stored) : end,
  }));
  return {
    shard: state.shard,
    role: state.hasEnded ? "ended" : state.role,
    epoch: state.configuration?.epoch ?? 0,
    isServing: isPrimary && state.isServing,
    end,
    committed: state.committed,
    peers: isPrimary ? peers : [],
  };
}
