/**
 * Three nodes and three members of etcd as real processes on one machine, every connection among them and from clients
 * through a proxy. Nodes listen on 127.0.0.1 and tell others an address of their own in 127/8, where the proxy listens at
 * the same port.
 */
import type { Etcd } from "../control/etcd-process.js";
import { startEtcd } from "../control/etcd-process.js";
import { type Ended, freshDirectory, type ServerProcess, startServer } from "../node/server-process.js";
import { freeRow } from "./ports.js";
import { Proxy } from "./proxy.js";
import { Sky } from "./weather.js";

const HOST = "127.0.0.1";
const WORKERS = 2;
const START_AGAIN_MS = 500;
const KEY = "the-key-of-a-cluster-under-chaos";

/** How a cluster is made. */
export interface ChaosClusterOptions {
  readonly nodes: number;
  readonly shards: number;
  readonly flags: readonly string[];
}

interface Place {
  readonly name: string;
  readonly dataDir: string;
  readonly main: number;
  readonly workers: number;
  readonly peers: number;
  /** What this node is told of etcd. */
  readonly etcd: readonly string[];
  process: ServerProcess | undefined;
  /** Set while it is to be down. */
  isDown: boolean;
  starting: Promise<void> | undefined;
}

export class ChaosCluster {
  readonly sky: Sky = new Sky();
  readonly etcd: Etcd;
  /** What nodes said when they ended though nobody had asked them to. */
  readonly deaths: string[] = [];
  readonly #options: ChaosClusterOptions;
  readonly #places: Place[] = [];
  readonly #proxies: Proxy[] = [];

  private constructor(etcd: Etcd, options: ChaosClusterOptions) {
    this.etcd = etcd;
    this.#options = options;
  }

  /** Starts all, and waits until every node is ready. */
  static async start(options: ChaosClusterOptions): Promise<ChaosCluster> {
    const cluster = new ChaosCluster(await startEtcd(3), options);
    for (let index = 0; index < options.nodes; index++) await cluster.#makePlace(index);
    await Promise.all(cluster.nodes.map((name) => cluster.startNode(name)));
    return cluster;
  }

  get nodes(): readonly string[] {
    return this.#places.map(({ name }) => name);
  }
  get etcds(): readonly string[] {
    return this.etcd.members.map((_, index) => `etcd-${index}`);
  }
  /** What clients are told: every node, through its proxy. */
  get url(): string {
    return `holdfast://${this.#places.map(({ main }, index) => `${clientHost(index)}:${main}`).join(",")}`;
  }
  /** Every node without a proxy. */
  get directUrl(): string {
    return `holdfast://${this.#places.map(({ main }) => `${HOST}:${main}`).join(",")}`;
  }
  /** By node. */
  get dataDirs(): readonly string[] {
    return this.#places.map(({ dataDir }) => dataDir);
  }

  async #makePlace(index: number): Promise<void> {
    const name = `node-${index}`;
    const clients = await freeRow(HOST, 1 + WORKERS);
    const peers = await freeRow(HOST, WORKERS);
    const etcd: string[] = [];
    for (const [at, { endpoint }] of this.etcd.members.entries()) {
      const port = Number(endpoint.split(":")[1]);
      const to = { sky: this.sky, target: { host: HOST, port }, name: `etcd-${at}`, diallers: name };
      const proxy = await Proxy.start({ ...to, listen: { host: HOST, port: 0 } });
      this.#proxies.push(proxy);
      etcd.push(`${HOST}:${proxy.port}`);
    }
    for (let at = 0; at < WORKERS; at++) await this.#before(name, peerHost(index), peers + at, () => this.#processes());
    for (let at = 0; at <= WORKERS; at++) await this.#before(name, clientHost(index), clients + at, "clients");
    this.#places.push({
      name,
      dataDir: freshDirectory(),
      main: clients,
      workers: clients + 1,
      peers,
      etcd,
      process: undefined,
      isDown: false,
      starting: undefined,
    });
  }

  async #before(
    name: string,
    host: string,
    port: number,
    diallers: "clients" | (() => ReadonlyMap<number, string>),
  ): Promise<void> {
    const parts = { sky: this.sky, listen: { host, port }, target: { host: HOST, port }, name, diallers };
    this.#proxies.push(await Proxy.start(parts));
  }

  #processes(): ReadonlyMap<number, string> {
    return new Map(
      this.#places.flatMap(({ name, process }) => (process === undefined ? [] : [[process.pid, name] as const])),
    );
  }

  #place(name: string): Place {
    const place = this.#places.find((one) => one.name === name);
    if (place === undefined) throw new Error(`there is no ${name}`);
    return place;
  }

  /** Starts a node, and tries again while it ends before it is ready: it may be that it can't reach anybody. */
  async startNode(name: string): Promise<void> {
    const place = this.#place(name);
    place.isDown = false;
    place.starting ??= this.#bringUp(place).finally(() => {
      place.starting = undefined;
    });
    await place.starting;
  }

  async #bringUp(place: Place): Promise<void> {
    const index = this.#places.indexOf(place);
    const flags = [
      ...["--name", place.name, "--shards", String(this.#options.shards)],
      ...["--workers", String(WORKERS), "--stores", String(WORKERS)],
      ...["--listen-host", HOST, "--listen-main", String(place.main), "--listen-worker-base", String(place.workers)],
      ...["--listen-peer-base", String(place.peers), "--listen-advertise", clientHost(index)],
      ...["--cluster-host", HOST, "--cluster-advertise", peerHost(index)],
      ...["--cluster-etcd", place.etcd.join(","), "--cluster-key", KEY],
      ...this.#options.flags,
    ];
    const isDown = (): boolean => place.isDown;
    while (!isDown()) {
      try {
        const process = await startServer({ dataDir: place.dataDir, flags });
        if (isDown()) {
          await process.kill(); // It was ended while it started: that is no death of its own.
          return;
        }
        place.process = process;
        void process.ended.then((end) => this.#ended(place, process, end));
        return;
      } catch (error) {
        this.deaths.push(`${place.name} did not start: ${error instanceof Error ? error.message : String(error)}`);
        await new Promise((resolve) => setTimeout(resolve, START_AGAIN_MS));
      }
    }
  }

  #ended(place: Place, process: ServerProcess, { exitCode, stdout, stderr }: Ended): void {
    if (place.process !== process) return;
    place.process = undefined;
    this.deaths.push(`${place.name} ended by itself with ${exitCode}: ${stdout.slice(-2_000)} ${stderr.slice(-2_000)}`);
    if (!place.isDown) void this.startNode(place.name); // As a supervisor does.
  }

  /** kill -9, or SIGTERM and its end. */
  async end(name: string, how: "kill" | "stop"): Promise<void> {
    const place = this.#place(name);
    place.isDown = true;
    const { process } = place;
    place.process = undefined;
    if (process === undefined) await place.starting;
    else await process[how]();
  }

  /** SIGSTOP or SIGCONT to a node or a member of etcd. */
  signal(name: string, signal: "SIGSTOP" | "SIGCONT"): void {
    const index = Number(name.split("-")[1]);
    const member = name.startsWith("etcd-") ? this.etcd.members[index] : undefined;
    if (member !== undefined) return signal === "SIGSTOP" ? member.freeze() : member.thaw();
    const { pid } = this.#place(name).process ?? {};
    if (pid !== undefined) process.kill(pid, signal);
  }

  /** Ends all processes and proxies. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((name) => this.end(name, "kill")));
    await this.etcd.stop();
    for (const proxy of this.#proxies) proxy.close();
  }
}

function peerHost(index: number): string {
  return `127.0.1.${index + 1}`;
}
function clientHost(index: number): string {
  return `127.0.2.${index + 1}`;
}
