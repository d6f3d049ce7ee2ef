/**
 * What befalls the cast in the safety phase: each kind of fault comes by dice of its own, each single one is a decision
 * that shrinking can leave out, and what a fault begins it also ends, unless healing comes first.
 */
import type { Configuration } from "../../../src/words/configuration.js";
import type { ControlWeather } from "../world/control-weather.js";
import type { Network } from "../world/network.js";
import type { Machine, Stop } from "../world/machine.js";
import type { Random } from "../world/random.js";
import type { World } from "../world/world.js";
import type { SimulatedClient } from "./client.js";
import { RESTART_MEDIAN_US } from "./node.js";
import type { Operator } from "./operator.js";
import type { NodeInCast } from "./place.js";
import type { FaultRates, RunSettings } from "./settings.js";

/** What faults may touch. */
export interface FaultsParts {
  readonly world: World;
  readonly network: Network;
  readonly settings: RunSettings;
  readonly nodes: readonly NodeInCast[];
  readonly clients: readonly SimulatedClient[];
  /** What befalls the control plane, where there is one. */
  readonly weather: ControlWeather<Configuration> | undefined;
  /** Of a cluster. */
  readonly operator: Operator | undefined;
}

const STOP_MEDIAN_US = 700_000;
const STOP_MAX_US = 60_000_000;
const CUT_MEDIAN_US = 1_500_000;
/** Longer than others take to find a primary silent. */
const ISOLATED_MEDIAN_US = 5_000_000;
const WALL_JUMP_MAX_US = 3_600_000_000;

export class Faults {
  readonly #parts: FaultsParts;
  #isHealed = false;

  constructor(parts: FaultsParts) {
    this.#parts = parts;
    const { faults } = parts.settings;
    for (const [name, act] of this.#kinds()) if (faults[name] > 0) this.#repeat(name, faults[name], act);
  }

  /** Ends all faults, lasting ones too, and begins no more. */
  heal(): void {
    this.#isHealed = true;
    const { network, settings, nodes, clients } = this.#parts;
    const { disk, network: weather, rarity } = settings;
    disk.slow = 0;
    disk.hang = 0;
    disk.fail = 0;
    weather.lateMessages = 0;
    rarity.turnPause = 0;
    network.heal();
    this.#parts.weather?.heal();
    for (const { machine } of [...nodes, ...clients]) {
      machine.setTimerLateMax(0);
      machine.goOn();
    }
    for (const node of nodes) {
      for (const one of node.disks) one.setFull(false);
      if (node.machine.isUp && node.isStuck) node.kill(false); // An fsync that hangs ends with its process only.
      if (!node.machine.isUp) node.startLater(1);
    }
  }

  #repeat(name: string, rate: number, act: (random: Random) => void): void {
    const { world } = this.#parts;
    const random = world.random(`fault/${name}`);
    const next = (): void => {
      world.in(random.between(1, Math.ceil(2_000_000 / rate)), () => {
        if (this.#isHealed) return;
        if (world.decide(`fault/${name}`, true)) act(random);
        next();
      });
    };
    next();
  }

  #kinds(): readonly (readonly [keyof FaultRates, Act])[] {
    const { nodes, clients, network, world } = this.#parts;
    const end = (random: Random, act: () => void): void => {
      world.in(random.longTail(CUT_MEDIAN_US, STOP_MAX_US), () => {
        if (!this.#isHealed) act();
      });
    };
    // Of a cluster's links those between nodes are the ones that matter most.
    const pair = (random: Random): readonly [string, string] => {
      const one = random.pick(nodes).name;
      const isInside = this.#parts.settings.isCluster && random.chance(0.7);
      return [one, isInside ? random.pick(nodes).name : random.pick(clients).name];
    };
    const anyMachine = (random: Random): Machine => random.pick([...nodes, ...clients]).machine;
    return [
      ["crash", (random) => this.#kill(random, false)],
      ["powerLoss", (random) => this.#kill(random, true)],
      ["stopNode", (random) => this.#halt(random, random.pick(nodes).machine, "stopped")],
      ["suspendNode", (random) => this.#halt(random, random.pick(nodes).machine, "suspended")],
      ["pauseNode", (random) => this.#halt(random, random.pick(nodes).machine, "paused")],
      ["stopClient", (random) => this.#halt(random, random.pick(clients).machine, "stopped")],
      ["suspendClient", (random) => this.#halt(random, random.pick(clients).machine, "suspended")],
      ["crashClient", (random) => random.pick(clients).crash(random.longTail(RESTART_MEDIAN_US, STOP_MAX_US))],
      [
        "wallJump",
        (random) => {
          const byUs = random.between(-WALL_JUMP_MAX_US, WALL_JUMP_MAX_US);
          anyMachine(random).clocks.jumpWall(random.chance(0.5) ? byUs : Math.floor(byUs / 3_600));
        },
      ],
      [
        "reset",
        (random) => {
          const { ends } = network;
          if (ends.length > 0) network.breakConnection(random.pick(ends));
        },
      ],
      [
        "clog",
        (random) => {
          const { links } = network;
          if (links.length > 0) random.pick(links).clog(world.nowUs + random.longTail(500_000, STOP_MAX_US));
        },
      ],
      [
        "partition",
        (random) => {
          const [one, other] = pair(random);
          const both = [network.link(one, other), network.link(other, one)];
          for (const link of both) link.cut();
          end(random, () => {
            for (const link of both) link.heal();
          });
        },
      ],
      [
        "oneWayPartition",
        (random) => {
          const [one, other] = pair(random);
          const link = random.chance(0.5) ? network.link(one, other) : network.link(other, one);
          link.cut();
          end(random, () => link.heal());
        },
      ],
      ["isolate", (random) => this.#isolate(random)],
      [
        "flap",
        (random) => {
          const link = random.pick(network.links);
          for (let at = 0; at < 10; at++) {
            world.in(at * 200_000, () => (this.#isHealed ? undefined : link.cut()));
            world.in(at * 200_000 + 100_000, () => link.heal());
          }
        },
      ],
      ["handOver", (random) => this.#parts.operator?.handOver(random)],
      ["storeLost", (random) => this.#parts.operator?.loseStore(random)],
      ["diskLow", (random) => this.#fill(random, (disk, isOn) => disk.setLow(isOn))],
      ["diskFull", (random) => this.#fill(random, (disk, isOn) => disk.setFull(isOn))],
    ];
  }

  /** A node loses its peers and the control plane at once, and keeps its clients: it can't know what the others decide. */
  #isolate(random: Random): void {
    const { nodes, network, weather, world } = this.#parts;
    if (weather === undefined) return;
    const { name } = random.pick(nodes);
    const others = nodes.filter((node) => node.name !== name);
    const links = others.flatMap((other) => [network.link(name, other.name), network.link(other.name, name)]);
    for (const link of links) link.cut();
    weather.cutOff(name);
    world.in(random.longTail(ISOLATED_MEDIAN_US, STOP_MAX_US), () => {
      if (this.#isHealed) return;
      for (const link of links) link.heal();
      weather.reconnect(name);
    });
  }

  #fill(random: Random, set: (disk: NodeInCast["disks"][number], isOn: boolean) => void): void {
    const disk = random.pick(random.pick(this.#parts.nodes).disks);
    set(disk, true);
    this.#parts.world.in(random.longTail(CUT_MEDIAN_US, STOP_MAX_US), () => set(disk, false));
  }

  #kill(random: Random, losesPower: boolean): void {
    const node = random.pick(this.#parts.nodes);
    if (!node.machine.isUp) return;
    node.kill(losesPower);
    node.startLater(random.chance(0.2) ? 10 * RESTART_MEDIAN_US : RESTART_MEDIAN_US);
  }

  #halt(random: Random, machine: Machine, why: Stop): void {
    if (!machine.isUp) return;
    machine.halt(why);
    this.#parts.world.in(random.longTail(STOP_MEDIAN_US, STOP_MAX_US), () => machine.go(why));
  }
}

type Act = (random: Random) => void;
