/** Connections keep their order whatever the network does, and each end knows only what has arrived. */
import assert from "node:assert/strict";
import test from "node:test";
import type { End, EndEvents, Ending } from "./connection.js";
import { Machine } from "./machine.js";
import { CALM_NETWORK, Network, type NetworkSettings } from "./network.js";
import { World } from "./world.js";

/** What one end was told, in order. */
interface Told {
  readonly lines: string[];
  readonly events: EndEvents;
}

/** A client and a server that write down what they hear. */
interface Pair {
  readonly world: World;
  readonly network: Network;
  readonly client: Machine;
  readonly server: Machine;
  readonly here: Told;
  readonly there: Told;
  readonly end: End;
  /** The server's end; there is one when somebody has connected. */
  readonly serverEnd: () => End;
}

function told(world: World): Told {
  const lines: string[] = [];
  return {
    lines,
    events: {
      opened: () => lines.push("opened"),
      message: (bytes) => lines.push(`message ${bytes.join(".")}`),
      closed: (why: Ending, code) => lines.push(`${why} ${code} at ${Math.floor(world.nowUs / 1_000_000)} s`),
      drained: () => lines.push("drained"),
    },
  };
}

function machine(world: World, name: string): Machine {
  const made = new Machine(world, { name, driftPpm: 0, wallAheadUs: 0, timerLateMaxUs: 0 });
  made.start();
  return made;
}

function connect(settings: Partial<NetworkSettings> = {}, seed = 1): Pair {
  const world = new World({ seed });
  const network = new Network(world, { ...CALM_NETWORK, ...settings });
  const client = machine(world, "client");
  const server = machine(world, "server");
  const here = told(world);
  const there = told(world);
  const ends: End[] = [];
  network.listen("server:1", server, (end) => {
    ends.push(end);
    return there.events;
  });
  const end = network.connect(client, { address: "server:1", host: "server" }, here.events);
  const serverEnd = (): End => ends.at(-1) ?? assert.fail("nobody has connected");
  return { world, network, client, server, here, there, end, serverEnd };
}

function connected(settings: Partial<NetworkSettings> = {}, seed = 1): Pair {
  const pair = connect(settings, seed);
  pair.world.run(1_000_000);
  assert.deepEqual(pair.here.lines.splice(0), ["opened"]);
  return pair;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("messages arrive in the order in which they were sent, whatever each of them takes", () => {
  for (let seed = 0; seed < 50; seed++) {
    const { world, end, serverEnd, here, there } = connected({}, seed);
    const sent: string[] = [];
    for (let i = 0; i < 40; i++) {
      world.in(i * 50, () => {
        end.send(bytes(9, i, 9), 1, 2);
        serverEnd().send(bytes(i));
      });
      sent.push(`message ${i}`);
    }
    world.run(10_000_000);
    assert.deepEqual(there.lines, sent);
    assert.deepEqual(here.lines, sent);
  }
});

test("the receiver has bytes of its own: the sender may write over what it sent", () => {
  const { world, end, there } = connected();
  const buffer = bytes(1, 2);
  end.send(buffer);
  buffer.fill(7);
  world.run(2_000_000);
  assert.deepEqual(there.lines, ["message 1.2"]);
});

test("a connection is open after a round trip, refused where nobody listens, and given up where no one answers", () => {
  const early = connect();
  early.world.run(400);
  assert.equal(early.end.isOpen, false, "no link takes less than 210 us");

  const { world, network, client, server } = connected();
  const refused = told(world);
  network.connect(client, { address: "server:2", host: "server" }, refused.events);
  world.run(3_000_000);
  assert.deepEqual(refused.lines, ["refused 1006 at 1 s"]);

  server.losePower();
  network.machineDied("server");
  const silent = told(world);
  network.connect(client, { address: "server:1", host: "server" }, silent.events);
  world.run(7_000_000);
  assert.equal(silent.lines.length, 0);
  world.run(20_000_000);
  assert.deepEqual(silent.lines, ["timed-out 1006 at 8 s"]);
});

test("a process that has ended refuses, since its machine lives", () => {
  const { world, network, client, server, there, here } = connected();
  server.kill();
  network.processDied("server");
  const late = told(world);
  network.connect(client, { address: "server:1", host: "server" }, late.events);
  world.run(3_000_000);
  assert.deepEqual(here.lines, ["reset 1006 at 1 s"]);
  assert.deepEqual(late.lines, ["refused 1006 at 1 s"]);
  assert.deepEqual(there.lines, []);
});

test("a partition of one direction lets the other through, and what waited comes in order when it is healed", () => {
  const { world, network, end, serverEnd, here, there } = connected();
  end.send(bytes(0));
  serverEnd().send(bytes(10));
  network.link("client", "server").cut(); // What is on its way does not come through either.
  for (let i = 1; i < 3; i++) {
    end.send(bytes(i));
    serverEnd().send(bytes(10 + i));
  }
  world.run(5_000_000);
  assert.deepEqual(here.lines, ["message 10", "message 11", "message 12"]);
  assert.deepEqual(there.lines.splice(0), []);
  network.heal();
  world.run(6_000_000);
  assert.deepEqual(there.lines, ["message 0", "message 1", "message 2"]);
});

test("a clog holds back what is on its way already", () => {
  const { world, network, end, there } = connected();
  end.send(bytes(1));
  network.link("client", "server").clog(4_000_000);
  end.send(bytes(2));
  world.run(3_999_999);
  assert.deepEqual(there.lines.splice(0), []);
  world.run(4_000_000);
  assert.deepEqual(there.lines, ["message 1", "message 2"]);
});

test("a close comes after all that was sent, and nothing comes to who has closed", () => {
  const { world, end, serverEnd, here, there } = connected();
  end.send(bytes(1));
  end.close(4_001);
  assert.equal(end.send(bytes(2)), false);
  serverEnd().send(bytes(3));
  world.run(3_000_000);
  assert.deepEqual(there.lines, ["message 1", "closed 4001 at 1 s"]);
  assert.deepEqual(here.lines, []);
});

test("half open: an end that nobody told learns it when it sends, or by its time-out", () => {
  const one = connected();
  one.server.losePower();
  one.network.machineDied("server");
  one.network.machineStarted("server");
  one.server.start();
  one.world.run(100_000_000);
  assert.deepEqual(one.here.lines, [], "nothing was sent, so nothing is known");
  one.end.send(bytes(1));
  one.world.run(101_000_000);
  assert.deepEqual(one.here.lines, ["reset 1006 at 100 s"]);
  assert.deepEqual(one.there.lines, []);

  const other = connected();
  other.network.watchTimeOuts();
  other.network.link("client", "server").cut();
  other.end.send(bytes(1));
  other.world.run(100_000_000);
  assert.deepEqual(other.here.lines, ["timed-out 1006 at 32 s"]);
});

test("old messages may come long after their client has left, within their connection", () => {
  const { world, network, client, end, there } = connected({ lateMessages: 1, lateMaxUs: 300_000_000 }, 2);
  end.send(bytes(1));
  client.kill();
  network.processDied("client");
  client.start();
  const again = network.connect(client, { address: "server:1", host: "server" }, told(world).events);
  world.run(2_000_000);
  again.send(bytes(2));
  world.run(400_000_000);
  assert.equal(there.lines[0], "message 2");
  assert.ok(there.lines.includes("message 1"), there.lines.join("; "));
});

test("a broken connection is told to each end at a time of its own, or never", () => {
  const ways = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { world, network, serverEnd, here, there } = connected({}, seed);
    network.breakConnection(serverEnd());
    world.run(70_000_000);
    ways.add(`${here.lines.length} ${there.lines.length}`);
  }
  assert.deepEqual([...ways].sort(), ["0 0", "0 1", "1 0", "1 1"]);
});

test("bytes that have not left are counted, and the sender is told when they have", () => {
  const { world, server, end, here, there } = connected({ bufferBytes: 10 });
  server.halt("stopped");
  for (let i = 0; i < 4; i++) end.send(new Uint8Array(10));
  world.run(60_000_000);
  assert.equal(end.unsentBytes, 30);
  assert.deepEqual(there.lines, []);
  server.go("stopped");
  world.run(61_000_000);
  assert.equal(end.unsentBytes, 0);
  assert.equal(there.lines.length, 4);
  assert.deepEqual(here.lines, ["drained"]);
});

test("one seed is one run", () => {
  const digestOf = (seed: number): string => {
    const { world, network, end, serverEnd } = connected({ lateMessages: 0.5, lateMaxUs: 1_000_000 }, seed);
    const random = world.random("traffic");
    for (let i = 0; i < 200; i++) {
      world.in(random.between(0, 10_000_000), () => {
        end.send(bytes(i));
        serverEnd().send(bytes(i));
        if (random.chance(0.1)) network.link("server", "client").clog(world.nowUs + 500_000);
        if (random.chance(0.01)) network.breakConnection(end);
      });
    }
    world.run(60_000_000);
    return world.digest.hex;
  };
  assert.equal(digestOf(5), digestOf(5));
  assert.notEqual(digestOf(5), digestOf(6));
});

test("the network bears 100,000 messages, and prints what one costs", (context) => {
  const { world, end, serverEnd, network } = connected();
  let left = 50_000;
  const frame = new Uint8Array(100);
  const again = (): void => {
    if (left-- <= 0) return;
    end.send(frame);
    serverEnd().send(frame);
    world.in(10_000, again);
  };
  again();
  const began = process.cpuUsage(); // Other processes may have the cores.
  world.run(600_000_000);
  const nanos = (process.cpuUsage(began).user * 1_000) / 100_000;
  context.diagnostic(`${nanos.toFixed(0)} ns for a message`);
  assert.equal(network.endCount, 2);
});
