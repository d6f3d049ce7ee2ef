/**
 * `make bench-peers`: the same work at every system, one after the other in each round, on this machine. PART names some
 * systems (Holdfast always runs along), ROUNDS how often (5), SECONDS how long each work is measured (1), QUICK=1 one
 * short round.
 */
import { env } from "node:process";
import { etcd, etcdReplicated } from "./peers/etcd.js";
import { installPackages } from "./peers/packages.js";
import { holdfast, holdfastReplicated } from "./peers/holdfast.js";
import { type Measured, type Peer, type Work, works } from "./peers/peer.js";
import { postgres } from "./peers/postgres.js";
import { redis, redisReplicated } from "./peers/redis.js";
import { peerRows, type Round, writePeerRows } from "./peers/rows.js";
import { zookeeper, zookeeperReplicated } from "./peers/zookeeper.js";
import { writeReport } from "./report.js";
import { isQuick } from "./results.js";
import { makeDataDir, removeDataDir } from "./server.js";

const alone: readonly Peer[] = [holdfast, redis, etcd, postgres, zookeeper];
const replicated: readonly Peer[] = [holdfastReplicated, redisReplicated, etcdReplicated, zookeeperReplicated];
const peers: readonly Peer[] = [...alone, ...replicated];
const ROUNDS = Number(env["ROUNDS"] ?? (isQuick ? 1 : 5));
/** Before a round measures anything: compilers warm up, replicas catch up. */
const WARM_SECONDS = 1.5;
const warmUp: Work = { name: "acquire+release", outstanding: 64, connections: 4, depth: 16 };
const SECONDS = Number(env["SECONDS"] ?? 1);

/** Who runs. @throws Error if PART names a system that there is not */
function wantedPeers(): readonly Peer[] {
  const names = [...new Set(peers.map(({ system }) => system))];
  const wanted = env["PART"]?.split(",") ?? names;
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`PART is ${unknown.join(",")}; allowed: ${names.join(", ")}`);
  const chosen = peers.filter(({ system }) => wanted.includes(system));
  const sizes = new Set(chosen.map(({ replicas }) => replicas));
  return peers.filter((peer) => chosen.includes(peer) || (peer.system === "holdfast" && sizes.has(peer.replicas)));
}

function tell(peer: Peer, work: Work, measured: Measured): void {
  const { opsPerSecond, p50Ms, p99Ms, errors } = measured;
  const failed = errors === 0 ? "" : `, ${errors} errors`;
  const speed = `${Math.round(opsPerSecond)}/s, p50 ${p50Ms.toFixed(3)}, p99 ${p99Ms.toFixed(3)} ms${failed}`;
  console.log(`${peer.system} ×${peer.replicas}, ${work.name} ${work.outstanding}: ${speed}`);
}

async function runPeer(peer: Peer, rounds: Round[]): Promise<void> {
  const dataDir = makeDataDir();
  try {
    const running = await peer.start(dataDir);
    try {
      await running.measure(warmUp, WARM_SECONDS);
      for (const work of works) {
        const measured = await running.measure(work, SECONDS);
        if (measured === undefined) continue;
        tell(peer, work, measured);
        rounds.push({ peer, work, measured });
      }
    } finally {
      await running.stop();
    }
  } finally {
    removeDataDir(dataDir);
  }
}

const wanted = wantedPeers();
installPackages(wanted.flatMap(({ packages }) => packages));
for (const peer of wanted) peer.prepare();
const rounds: Round[] = [];
for (let round = 0; round < ROUNDS; round++) {
  console.log(`== round ${round + 1} of ${ROUNDS}`);
  for (const peer of wanted) await runPeer(peer, rounds);
}
writePeerRows(peerRows(rounds));
writeReport();
