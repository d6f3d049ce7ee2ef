/**
 * The connections of a worker to the workers of other nodes: one to its counterpart on each node for frames of replicas,
 * and one to each worker for clients' requests that go on. Of two nodes the one with the lower id dials, so that there is
 * one connection for each purpose and not two.
 */
import net from "node:net";
import type { PeerPurpose } from "../protocol/peer-frames.js";
import type { ClusterNode } from "./cluster-view.js";
import { PeerDialler } from "./peer-dialler.js";
import { PeerListener } from "./peer-listener.js";
import type { PeerEnd, PeerEnding, PeerEvents, PeerSelf } from "./peer-wire.js";

/** Pause between two looks whether a node that does not dial us any more listens still, in milliseconds. */
const PROBE_EVERY_MS = 150;
const PROBE_WITHIN_MS = 1_000;
/** After so long somebody who comes back has dialled. */
const PROBE_FOR_MS = 5_000;

/** What they are made of. */
export interface PeerWiresParts {
  readonly self: PeerSelf;
  /** Of each node. */
  readonly workers: number;
  readonly host: string;
  readonly port: number;
  readonly events: PeerEvents;
  /** Nobody listens at a node's worker that is this one's counterpart. */
  readonly refused: (node: string) => void;
  /** For the log; told once of each. */
  readonly warn: (facts: Readonly<Record<string, string>>, message: string) => void;
}

export class PeerWires {
  readonly #parts: PeerWiresParts;
  readonly #listener: PeerListener;
  readonly #diallers = new Map<string, PeerDialler>();
  readonly #ends = new Map<string, PeerEnd>();
  readonly #probes = new Map<string, NodeJS.Timeout>();
  readonly #warned = new Set<string>();
  #nodes: ReadonlyMap<string, ClusterNode> = new Map();
  #isClosed = false;

  constructor(parts: PeerWiresParts) {
    this.#parts = parts;
    this.#listener = new PeerListener({
      self: parts.self,
      events: this.#events(),
      refused: (address, why) => this.#warn({ address, why }, `a stranger on the peer port was refused: ${why}`),
    });
  }

  /** Takes connections. @throws Error if the port can't be had */
  listen(): void {
    this.#listener.listen(this.#parts.host, this.#parts.port);
  }

  /** The nodes that there are now: those with a higher id are dialled. */
  setNodes(nodes: ReadonlyMap<string, ClusterNode>): void {
    this.#nodes = nodes;
    const { self, workers } = this.#parts;
    const wanted = new Set<string>();
    for (const { node } of nodes.values()) {
      if (node <= self.node) continue;
      wanted.add(keyOf(node, self.worker, "replicas"));
      this.#dial(node, self.worker, "replicas");
      for (let worker = 0; worker < workers; worker++) {
        wanted.add(keyOf(node, worker, "requests"));
        this.#dial(node, worker, "requests");
      }
    }
    for (const [key, dialler] of [...this.#diallers]) {
      if (wanted.has(key)) continue;
      this.#diallers.delete(key);
      dialler.stop();
    }
  }

  /** A second refusal is wanted soon. */
  tryAgain(node: string, afterMs: number): void {
    const dialler = this.#diallers.get(keyOf(node, this.#parts.self.worker, "replicas"));
    if (dialler !== undefined) setTimeout(() => dialler.hurry(), afterMs).unref();
  }

  /** Ends them all. */
  close(): void {
    this.#isClosed = true;
    for (const dialler of this.#diallers.values()) dialler.stop();
    for (const timer of this.#probes.values()) clearTimeout(timer);
    this.#listener.close();
  }

  #dial(node: string, worker: number, purpose: PeerPurpose): void {
    const key = keyOf(node, worker, purpose);
    if (this.#diallers.has(key)) return;
    const { self, refused } = this.#parts;
    const dialler = new PeerDialler({
      self,
      target: { node, worker, purpose, address: () => this.#nodes.get(node)?.peers[worker] },
      events: this.#events(),
      refused: () => {
        if (purpose === "replicas") refused(node);
      },
      mistrusted: (why) => this.#warn({ node }, `a node does not prove itself: ${why}`),
    });
    this.#diallers.set(key, dialler);
  }

  #events(): PeerEvents {
    const { events } = this.#parts;
    return {
      opened: (end) => {
        const key = keyOf(end.node, end.worker, end.purpose);
        const older = this.#ends.get(key);
        this.#ends.set(key, end);
        if (older !== undefined) {
          events.lost(older, "closed"); // Before the new one is used: nothing of the old may count after it.
          older.close();
        }
        events.opened(end);
      },
      received: (end, bytes) => {
        if (this.#ends.get(keyOf(end.node, end.worker, end.purpose)) === end) events.received(end, bytes);
      },
      lost: (end, how) => this.#lost(end, how),
    };
  }

  #lost(end: PeerEnd, how: PeerEnding): void {
    const key = keyOf(end.node, end.worker, end.purpose);
    if (this.#ends.get(key) !== end) return;
    this.#ends.delete(key);
    this.#parts.events.lost(end, how);
    const isDialled = this.#diallers.has(key);
    if (end.purpose === "replicas" && how === "closed" && !isDialled) this.#probe(end.node, performance.now());
  }

  /** Who dials us can't be dialled, but asked whether it listens: else only the lower half would notice at once. */
  #probe(node: string, beganMs: number): void {
    const { self, refused } = this.#parts;
    const key = keyOf(node, self.worker, "replicas");
    const address = this.#nodes.get(node)?.peers[self.worker];
    if (this.#isClosed || address === undefined || this.#ends.has(key)) return;
    const split = address.lastIndexOf(":");
    const host = address.slice(0, split).replace(/^\[(.*)\]$/, "$1");
    const socket = net.connect({ host, port: Number(address.slice(split + 1)), timeout: PROBE_WITHIN_MS });
    socket.on("timeout", () => socket.destroy());
    socket.on("connect", () => socket.destroy());
    socket.on("error", (error) => {
      if ("code" in error && error.code === "ECONNREFUSED" && !this.#ends.has(key)) refused(node);
    });
    socket.on("close", () => {
      if (this.#isClosed || performance.now() > beganMs + PROBE_FOR_MS) return;
      clearTimeout(this.#probes.get(node));
      const timer = setTimeout(() => this.#probe(node, beganMs), PROBE_EVERY_MS);
      this.#probes.set(node, timer.unref());
    });
  }

  #warn(facts: Readonly<Record<string, string>>, message: string): void {
    const key = JSON.stringify([facts, message]);
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.#parts.warn(facts, message);
  }
}

function keyOf(node: string, worker: number, purpose: PeerPurpose): string {
  return `${purpose} ${node} ${worker}`;
}
