/**
 * One run's cast: nodes, clients and their users in one world, and the two phases. Safety: faults as drawn. Liveness: all
 * is healed, users want nothing new, and in bounded time every call has its outcome and every queue is empty (INV-9).
 * Nodes are places of their own, each with its own resources and clients, or members of one cluster (member.ts).
 */
import { Violation } from "../checkers/checker.js";
import type { Belief, Wanted } from "../checkers/checker.js";
import type { Books } from "../books.js";
import { epoch, shardIndex } from "../../../src/words/ids.js";
import type { Configuration } from "../../../src/words/configuration.js";
import { ReplicaBooks } from "../replica-books.js";
import { ControlPlane } from "../world/control-plane.js";
import { ControlWeather } from "../world/control-weather.js";
import { Network } from "../world/network.js";
import type { World } from "../world/world.js";
import { SimulatedClient } from "./client.js";
import { Faults } from "./faults.js";
import { SimulatedMember, replicaName } from "./member.js";
import { SimulatedNode } from "./node.js";
import { Operator } from "./operator.js";
import type { NodeInCast } from "./place.js";
import { RudeClient } from "./rude-client.js";
import type { RunSettings } from "./settings.js";
import { User } from "./user.js";

/** What a run has done. */
export interface Doings {
  readonly operations: number;
  readonly turns: number;
  readonly restarts: number;
  /** Changes of a shard's office, but for the first. */
  readonly failOvers: number;
}

/** How often the end of the liveness phase is looked for. */
const LOOK_US = 1_000_000;

export class Cluster {
  readonly nodes: readonly NodeInCast[];
  /** Nodes that are places of their own, or members of one cluster; one of the two is empty. */
  readonly places: readonly SimulatedNode[];
  readonly members: readonly SimulatedMember[];
  readonly clients: readonly SimulatedClient[];
  readonly network: Network;
  readonly #world: World;
  readonly #settings: RunSettings;
  readonly #users: readonly User[];
  readonly #faults: Faults;
  readonly #rude: readonly RudeClient[];
  #books: Books;

  constructor(world: World, settings: RunSettings, books: Books) {
    this.#world = world;
    this.#settings = settings;
    this.#books = books;
    const network = new Network(world, settings.network);
    this.network = network;
    network.watchTimeOuts();
    const random = world.random("cluster");
    const drift = (): number => random.between(-settings.driftPpmMax, settings.driftPpmMax);
    const parts = { world, network, books, settings };
    const names = Array.from({ length: settings.nodes }, (_, index) => `node-${index}`);
    this.places = settings.isCluster
      ? []
      : names.map((name) => new SimulatedNode({ ...parts, name, driftPpm: drift() }));
    const made = settings.isCluster ? membersOf({ ...parts, names }, drift) : undefined;
    this.members = made?.members ?? [];
    this.nodes = settings.isCluster ? this.members : this.places;
    for (const node of this.nodes) node.start();
    const nodeOf = (index: number): NodeInCast => this.nodes[index % this.nodes.length] ?? random.pick(this.nodes);
    const workersOf = ({ name, addresses }: NodeInCast): readonly WorkerAt[] =>
      addresses.map((address) => ({ address, host: name }));
    this.clients = Array.from({ length: settings.clients }, (_, index) => {
      const workers = settings.isCluster ? this.nodes.flatMap(workersOf) : workersOf(nodeOf(index));
      return new SimulatedClient({ ...parts, name: `client-${index}`, workers, driftPpm: drift() });
    });
    this.#users = this.clients.flatMap((client, index) =>
      Array.from({ length: settings.users.usersPerClient }, (_, user) => {
        return new User({
          ...parts,
          client,
          cluster: settings.isCluster ? "cluster" : nodeOf(index).name,
          name: `${client.name}/user-${user}`,
        });
      }),
    );
    for (const [index, client] of this.clients.entries()) {
      client.onRestart = () => {
        const { usersPerClient } = settings.users;
        for (const user of this.#users.slice(index * usersPerClient, (index + 1) * usersPerClient)) user.begin();
      };
    }
    this.#rude = Array.from({ length: this.places.length === 0 ? 0 : settings.rudeClients }, (_, index) => {
      const node = this.places[index % this.places.length] ?? random.pick(this.places);
      return new RudeClient({ ...parts, name: `rude-${index}`, node });
    });
    this.#faults = new Faults({
      world,
      network,
      settings,
      nodes: this.nodes,
      clients: this.clients,
      weather: made?.weather,
      operator: made?.operator,
    });
  }

  /** Each shard's first office is no fail-over. */
  get firstOffices(): number {
    return this.members.length === 0
      ? 0
      : Math.min(
          this.#settings.shards,
          this.members.reduce((sum, one) => sum + one.offices, 0),
        );
  }

  /** Who believes in a claim on a resource now. */
  believers(resource: string): readonly Belief[] {
    return this.clients.flatMap((client) => [...client.beliefs(resource)]);
  }

  /** Faults and requests, for as long as the settings say. */
  runSafety(): void {
    this.#world.run(this.#world.nowUs + this.#settings.safetyUs);
  }

  /** Heals all, waits for quiet, and tells the books what the clients then know to be theirs. */
  runLiveness(): void {
    const world = this.#world;
    world.tell(() => "all is healed");
    this.#faults.heal();
    for (const user of this.#users) user.isRetired = true;
    for (const rude of this.#rude) rude.stop();
    this.#books.healed();
    const endUs = world.nowUs + this.#settings.livenessUs + this.#longestMs() * 1_000;
    while (!this.#isQuiet() && world.nowUs < endUs) world.run(world.nowUs + LOOK_US);
    const pending = this.clients.filter((client) => client.pending > 0);
    if (pending.length > 0)
      throw new Violation("INV-9", `${pending.map(({ name }) => name).join(", ")}: calls without an outcome`);
    // Whoever has died meanwhile left claims, which end by themselves in this time.
    world.run(world.nowUs + this.#longestMs() * 1_000);
    this.#books.ended(this.#wanted(), false);
    for (const user of this.#users) user.giveUp();
    world.run(world.nowUs + SETTLE_US);
    this.#books.ended([], true);
    // What was logged last is about to be on disk; a disk that never answers stays stuck, and is found so.
    for (let waited = 0; waited < SETTLE_US && this.nodes.some(({ isStuck }) => isStuck); waited += COMMIT_US)
      world.run(world.nowUs + COMMIT_US);
  }

  /** Ends all processes, so that nothing of the run is left. */
  dispose(): void {
    for (const node of this.nodes) node.kill(false);
  }

  get doings(): Doings {
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    return {
      operations: sum(this.clients.map(({ operations }) => operations)),
      turns: sum(this.nodes.map((node) => node.turnsSoFar)),
      restarts: sum(this.nodes.map((node) => node.restarts - 1)),
      failOvers: sum(this.members.map(({ offices }) => offices)) - this.firstOffices,
    };
  }

  #wanted(): readonly Wanted[] {
    return this.clients.flatMap((client) => [...client.wanted()]);
  }

  #isQuiet(): boolean {
    return this.clients.every(({ pending, isOpen }) => pending === 0 && isOpen);
  }

  /** The longest that a claim or wait may last without its client. */
  #longestMs(): number {
    const { users, sessionTtlMs, limits, isCluster } = this.#settings;
    const settleMs = isCluster ? 30_000 : 5_000; // An office that is taken late counts every session as heard then.
    return Math.max(sessionTtlMs, limits.waitingGraceMs, ...users.ttlMs) + Math.max(...users.lockDelayMs) + settleMs;
  }
}

interface WorkerAt {
  readonly address: string;
  readonly host: string;
}

interface ClusterParts {
  readonly world: World;
  readonly network: Network;
  readonly books: Books;
  readonly settings: RunSettings;
  readonly names: readonly string[];
}

/** The nodes of one cluster, whose control plane has a first configuration for each shard. */
function membersOf(
  parts: ClusterParts,
  drift: () => number,
): {
  readonly members: readonly SimulatedMember[];
  readonly weather: ControlWeather<Configuration>;
  readonly operator: Operator;
} {
  const { world, settings, names } = parts;
  const plane = new ControlPlane<Configuration>(world, settings.control);
  for (let shard = 0; shard < settings.shards; shard++) {
    const replicas = names.map((name) => replicaName(name, shard, settings.stores));
    const primary = replicas[shard % replicas.length] ?? "";
    plane.preset(shard, {
      shard: shardIndex(shard),
      epoch: epoch(1),
      era: 0,
      primary,
      inSync: replicas,
      replicas,
      nonce: `first ${shard}`,
    });
  }
  const membersIn = (shard: number): readonly string[] => plane.peek(shard).configuration?.inSync ?? [];
  const books = new ReplicaBooks(parts.books, () => world.nowUs, membersIn);
  plane.onWritten = (shard) => books.judge(shard);
  const members = names.map((_, index) => new SimulatedMember({ ...parts, plane, books, index, driftPpm: drift() }));
  const weather = new ControlWeather({ world, plane, askers: names, faults: settings.faultStrengths });
  const operator = new Operator({ world, plane, members, shards: settings.shards });
  return { members, weather, operator };
}

const SETTLE_US = 10_000_000;
const COMMIT_US = 500;
