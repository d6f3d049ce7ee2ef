/** ZooKeeper, alone and as an ensemble of three, with the fsync that it does if nobody switches it off. */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePorts, HOST } from "../ports.js";
import { clientWords, type Peer, type RunningPeer } from "./peer.js";
import {
  build,
  clients,
  compile,
  packageVersion,
  type Program,
  runClient,
  startProgram,
  stopPrograms,
  untilReady,
} from "./programs.js";

const made: string = join(build, "zookeeper");
const source: string = join(clients, "zookeeper", "ZooKeeperLoad.java");
const jars = "/usr/share/java/zookeeper.jar:/usr/share/java/zookeeper-jute.jar:/usr/share/java/slf4j-nop.jar";
const HEAP = "-Xmx1g";

/** Members that run, and where their clients find them. */
interface Ensemble {
  readonly programs: readonly Program[];
  readonly address: string;
}

async function startEnsemble(directory: string, count: number): Promise<Ensemble> {
  const ports = await freePorts(3 * count);
  const members = Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    client: ports[3 * index] ?? 0,
    peers: `${HOST}:${ports[3 * index + 1] ?? 0}:${ports[3 * index + 2] ?? 0}`,
    directory: join(directory, `member-${index}`),
  }));
  const servers = count === 1 ? [] : members.map(({ id, peers }) => `server.${id}=${peers}`);
  const programs = members.map((member) => {
    mkdirSync(member.directory, { recursive: true });
    const settings = [
      ...["tickTime=2000", "initLimit=10", "syncLimit=5", "maxClientCnxns=0", "admin.enableServer=false"],
      ...["4lw.commands.whitelist=srvr", `clientPort=${member.client}`, `clientPortAddress=${HOST}`],
      ...[`dataDir=${member.directory}`, ...servers],
    ];
    writeFileSync(join(member.directory, "zoo.cfg"), `${settings.join("\n")}\n`);
    writeFileSync(join(member.directory, "myid"), `${member.id}\n`);
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    const words = [HEAP, "-cp", jars, main, join(member.directory, "zoo.cfg")];
    return startProgram({ command: "java", words, directory: member.directory });
  });
  for (const [index, program] of programs.entries()) {
    await untilReady(program, async () => (await tell(members[index]?.client ?? 0, "srvr")).includes("Mode:"));
  }
  return { programs, address: members.map(({ client }) => `${HOST}:${client}`).join(",") };
}

/** What a member answers to one of its words of four letters. */
async function tell(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, HOST, () => socket.write(word));
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.once("error", reject).once("close", () => {
      resolve(text);
    });
  });
}

const shared = {
  system: "zookeeper",
  lacks: ["no TTL of one lock: its session's pings keep all that it has, so there is no renewal to measure"],
  packages: ["zookeeper", "libzookeeper-java", "default-jdk-headless"],
  version: () => packageVersion("zookeeper"),
  prepare: () => {
    compile(join(made, "ZooKeeperLoad.class"), [source], ["javac", "-cp", jars, "-d", made, source]);
  },
};

const client =
  "client in Java, asynchronous calls, a session of 30 s for each connection; a lock is an ephemeral node, waiters " +
  "follow the recipe (sequential nodes, each watches the one before)";

/** One server. */
export const zookeeper: Peer = {
  ...shared,
  replicas: 1,
  durability: "fsync of each write",
  settings: `one server, forceSync as installed (yes), ${HEAP}; ${client}`,
  start: async (directory) => run(await startEnsemble(directory, 1)),
};

/** Three servers. */
export const zookeeperReplicated: Peer = {
  ...shared,
  replicas: 3,
  durability: "fsync of each write at two of three servers",
  settings: `three servers, forceSync as installed (yes), ${HEAP} each; ${client}`,
  start: async (directory) => run(await startEnsemble(directory, 3)),
};

function run({ programs, address }: Ensemble): RunningPeer {
  const words = [HEAP, "-cp", `${made}:${jars}`, "ZooKeeperLoad", "--address", address];
  return {
    measure: async (work, seconds) => {
      if (work.name === "held and renewed") return undefined;
      return runClient("java", [...words, ...clientWords(work, seconds), "--warmup", "1"]);
    },
    stop: async () => stopPrograms(programs),
  };
}
