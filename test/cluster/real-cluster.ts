/** Three real nodes over a real etcd, for tests: the very command that users run, each with its own data directory. */
import assert from "node:assert/strict";
import type { Holdfast } from "../../src/client/index.js";
import { type Ended, freshDirectory, type ServerProcess, startServer, until } from "../node/server-process.js";
import { type Etcd, startEtcd } from "../control/etcd-process.js";

/** Silence is told in half a second, so that a test need not wait for the defaults. */
export const QUICK: readonly string[] = [
  "--cluster-heartbeat",
  "100ms",
  "--cluster-member-silence",
  "1s",
  "--cluster-primary-silence",
  "1500ms",
  "--cluster-learner-steady",
  "500ms",
];
const SHARDS = 8;

/** How to make one. */
export interface RealClusterOptions {
  readonly nodes?: number;
  readonly flags?: readonly string[];
}

export class RealCluster {
  readonly etcd: Etcd;
  readonly #flags: readonly string[];
  readonly #directories: readonly string[];
  readonly #nodes: (ServerProcess | undefined)[];
  readonly #ports: (readonly number[] | undefined)[];

  private constructor(etcd: Etcd, { nodes = 3, flags = [] }: RealClusterOptions) {
    this.etcd = etcd;
    this.#flags = flags;
    this.#directories = Array.from({ length: nodes }, () => freshDirectory());
    this.#nodes = Array.from({ length: nodes }, () => undefined);
    this.#ports = Array.from({ length: nodes }, () => undefined);
  }

  /** Starts etcd and the nodes. */
  static async start(options: RealClusterOptions = {}): Promise<RealCluster> {
    const cluster = new RealCluster(await startEtcd(), options);
    await Promise.all(cluster.#directories.map((_, index) => cluster.startNode(index)));
    return cluster;
  }

  /** Starts a node with its directory, at the address that it had. */
  async startNode(index: number): Promise<ServerProcess> {
    const dataDir = this.#directories[index];
    const main = this.#ports[index]?.[0];
    const node = await startServer({
      ...(dataDir === undefined ? {} : { dataDir }),
      flags: [
        ...["--name", `node-${index}`, "--shards", String(SHARDS), "--listen-peer-base", "0"],
        ...[
          "--cluster-etcd",
          this.etcd.endpoints.join(","),
          "--cluster-key",
          "a key of these tests".replaceAll(" ", "-"),
        ],
        ...QUICK,
        ...(main === undefined ? [] : ["--listen-main", String(main)]),
        ...this.#flags,
      ],
    });
    this.#nodes[index] = node;
    this.#ports[index] = node.ports;
    return node;
  }

  /** A node that runs. */
  node(index: number): ServerProcess {
    const node = this.#nodes[index];
    assert.ok(node !== undefined, `node ${index} does not run`);
    return node;
  }

  /** All nodes that run, by index. */
  get running(): readonly (readonly [number, ServerProcess])[] {
    return [...this.#nodes.entries()].flatMap(([index, node]) => (node === undefined ? [] : [[index, node] as const]));
  }

  /** Of all nodes: `holdfast://a,b,c`. */
  get url(): string {
    const addresses = this.#ports.flatMap((ports) => (ports?.[0] === undefined ? [] : [`127.0.0.1:${ports[0]}`]));
    return `holdfast://${addresses.join(",")}`;
  }

  /** Waits until each of the resources has so many waiters. */
  async allWait(observer: Holdfast, names: readonly string[], count: number): Promise<void> {
    await until(`${count} waiters on each of ${names.length} resources`, async () => {
      const seen = await Promise.all(names.map((name) => observer.check(name)));
      return seen.every(({ waiters }) => waiters === count);
    });
  }

  /** kill -9. */
  async kill(index: number): Promise<void> {
    const node = this.node(index);
    this.#nodes[index] = undefined;
    await node.kill();
  }

  /** SIGTERM, and waits for its end. */
  async end(index: number): Promise<Ended> {
    const node = this.node(index);
    this.#nodes[index] = undefined;
    return node.stop();
  }

  /** The data directory of a node. */
  directory(index: number): string {
    return this.#directories[index] ?? "";
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await Promise.all(this.running.map(async ([index]) => this.kill(index)));
    await this.etcd.stop();
  }
}
