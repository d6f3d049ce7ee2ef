/**
 * The lines between the threads of one simulated node. The real end of a line, src/worker/peers.ts, writes to a message
 * port; here each batch is taken out of the port's other end at once, and comes to the other thread as an act of the world.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { Peer } from "../../../src/worker/peers.js";
import type { NodeFacts } from "./node-facts.js";
import type { Thread } from "./thread.js";

/** Takes what another thread has sent. */
type TakeBatch = (peer: Peer, batch: Uint8Array) => void;

interface Line {
  readonly peer: Peer;
  readonly far: MessagePort;
}

/** The lines of one thread to all others. */
export class PeerLines {
  readonly peers: readonly (Peer | undefined)[];
  /** Set by the worker whose lines they are. */
  onBatch: TakeBatch = () => undefined;
  readonly #facts: NodeFacts;
  readonly #thread: Thread;
  readonly #index: number;
  readonly #lines: (Line | undefined)[];
  #others: ReadonlyMap<number, PeerLines> = new Map();

  constructor(facts: NodeFacts, thread: Thread, index: number) {
    this.#facts = facts;
    this.#thread = thread;
    this.#index = index;
    this.#lines = facts.map.workers.map((_, worker) =>
      worker === index || !facts.isHere(worker) ? undefined : lineTo(worker),
    );
    this.peers = this.#lines.map((line) => line?.peer);
  }

  /** All threads of the node are there. */
  connect(others: readonly PeerLines[]): void {
    this.#others = new Map(others.map((line) => [line.#index, line]));
  }

  /** Sends on what the turn has put into the ports. */
  flush(): void {
    for (const [worker, line] of this.#lines.entries()) {
      if (line === undefined) continue;
      for (let got = receiveMessageOnPort(line.far); got !== undefined; got = receiveMessageOnPort(line.far)) {
        const batch: unknown = got.message;
        if (batch instanceof Uint8Array) this.#send(worker, batch);
      }
    }
  }

  /** Ends the ports: an open one keeps the process alive. */
  close(): void {
    for (const line of this.#lines) line?.peer.close();
  }

  #send(worker: number, batch: Uint8Array): void {
    const other = this.#others.get(worker);
    const { world } = this.#facts;
    world.in(DELAY_US, () => other?.hear(this.#index, batch));
  }

  /** Something has come from another thread. */
  hear(from: number, batch: Uint8Array): void {
    const peer = this.peers[from];
    if (peer !== undefined) this.#thread.whenAwake(() => this.onBatch(peer, batch));
  }
}

/** Between two threads of one process, microseconds. */
const DELAY_US = 20;

function lineTo(worker: number): Line {
  const { port1, port2 } = new MessageChannel();
  return { peer: new Peer(worker, port1, () => undefined), far: port2 };
}
