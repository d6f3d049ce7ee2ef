/**
 * The connections between the workers of different nodes, over the world's network: of two nodes the one that comes first
 * dials, and dials again when it is lost. Its first message is a greeting with the link's id.
 */
import { decodeGreeting, encodeGreeting } from "../../../src/protocol/peer-frames.js";
import type { Replicas, Wire } from "../../../src/worker/replicas.js";
import type { End, EndEvents, Ending } from "../world/connection.js";
import type { Network } from "../world/network.js";
import type { Random } from "../world/random.js";
import type { World } from "../world/world.js";
import type { Thread } from "./thread.js";

const AGAIN_MIN_US = 50_000;
const AGAIN_MAX_US = 300_000;

/** One worker, and whom it speaks with. */
export interface PeerWiresParts {
  readonly world: World;
  readonly network: Network;
  readonly random: Random;
  readonly thread: Thread;
  readonly node: string;
  readonly worker: number;
  readonly replicas: Replicas;
  /** Nodes with a worker of the same number that this one dials; the others dial it. */
  readonly dials: readonly string[];
}

/** Where a worker takes the connections of others. */
function peerAddress(node: string, worker: number): string {
  return `${node}/peers-${worker}`;
}

export class PeerWires {
  readonly #parts: PeerWiresParts;

  constructor(parts: PeerWiresParts) {
    this.#parts = parts;
  }

  /** Takes connections, and dials. */
  listen(): void {
    const { network, thread, node, worker, dials } = this.#parts;
    network.listen(peerAddress(node, worker), thread, (end) => this.#accept(end));
    for (const other of dials) this.#dial(other);
  }

  #dial(other: string): void {
    const { network, random, thread, node, worker, replicas } = this.#parts;
    const link = `${node}-${other}-${random.bits()}-${random.bits()}`;
    let wire: Wire | undefined;
    const end = network.connect(
      thread,
      { address: peerAddress(other, worker), host: other },
      {
        opened: () => {
          end.send(encodeGreeting({ link, purpose: "replicas", cluster: "", node, worker, to: other, nonce: "" }));
          wire = this.#wire(end, () => this.#gone(other, wire, "closed"));
          replicas.connected(other, link, wire);
        },
        message: (bytes) => {
          if (wire !== undefined) replicas.received(other, wire, bytes);
        },
        closed: (why) => this.#gone(other, wire, why),
      },
    );
  }

  #gone(other: string, wire: Wire | undefined, why: Ending): void {
    const { world, random, thread, replicas } = this.#parts;
    if (wire !== undefined) replicas.lost(other, wire, why === "timed-out" ? "timed-out" : "closed");
    else if (why === "refused") replicas.refused(other);
    world.in(random.between(AGAIN_MIN_US, AGAIN_MAX_US), () => thread.whenAwake(() => this.#dial(other)));
  }

  #accept(end: End): EndEvents {
    const { replicas } = this.#parts;
    let wire: Wire | undefined;
    let other = "";
    return {
      message: (bytes) => {
        if (wire !== undefined) return replicas.received(other, wire, bytes);
        const greeting = decodeGreeting(bytes);
        if (greeting === null) return end.close();
        other = greeting.node;
        wire = this.#wire(end, () => {
          if (wire !== undefined) replicas.lost(other, wire, "closed");
        });
        replicas.connected(other, greeting.link, wire);
      },
      closed: (why) => {
        if (wire !== undefined) replicas.lost(other, wire, why === "timed-out" ? "timed-out" : "closed");
      },
    };
  }

  /** An end that is closed by its own process tells nothing: `gone` is told in its place, once. */
  #wire(end: End, gone: () => void): Wire {
    const { world, thread } = this.#parts;
    return {
      send: (frame) => {
        end.send(frame);
      },
      close: () => {
        if (end.isClosed) return;
        end.close();
        world.in(0, () => thread.whenAwake(gone));
      },
    };
  }
}
