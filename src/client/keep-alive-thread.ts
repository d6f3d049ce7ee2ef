/**
 * A thread that sends keep-alives while the main loop can't: started by keep-alives.ts, one for all clients of a
 * process. It is quiet as long as the main loop beats, so that a period costs one keep-alive; it knows of paths only, and
 * decides nothing: what is answered goes to the main loop with the time of the sending, and belief is computed there.
 */
import { parentPort } from "node:worker_threads";
import type { ServerMessage } from "../protocol/server-messages.js";
import { KIND_KEEPALIVE } from "../words/kinds.js";
import {
  type KeptPath,
  readMonotonic,
  readSharedClocks,
  type ThreadNews,
  type ThreadOrder,
} from "./keep-alive-words.js";
import { Socket } from "./socket.js";
import { openNodeWire } from "./wire-node.js";

/** The thread looks this often within a period. */
const LOOKS_PER_PERIOD = 8;
const LOOK_MIN_MS = 5;
const LOOK_MAX_MS = 500;
/** The main loop counts as busy when it is late by this part of a period. */
const LATE_PART = 0.25;
/** Keep-alives that wait for their answers, at most: an older one extends less than the newer. */
const UNANSWERED_MAX = 64;

interface Sent {
  readonly path: KeptPath;
  readonly sent: ThreadNews["sent"];
}

/** The connections of the thread, one for each address and key, and what they keep alive. */
class KeepAliveThread {
  #tell: (news: ThreadNews) => void = () => undefined;
  readonly #paths = new Map<number, KeptPath>();
  readonly #sentAtMs = new Map<number, number>();
  readonly #sockets = new Map<string, Socket>();
  readonly #unanswered = new Map<number, Sent>();
  #beats: Float64Array = new Float64Array(0);
  #lastId = 0;

  obey(order: ThreadOrder): void {
    if (order.kind === "begin") {
      this.#beats = new Float64Array(order.beats);
      this.#tell = (news) => {
        order.port.postMessage(news);
      };
    } else if (order.kind === "keep") this.#paths.set(order.path.number, order.path);
    else {
      this.#paths.delete(order.number);
      this.#sentAtMs.delete(order.number);
    }
    this.#dropUnused();
  }

  /** Sends what the main loop is late with. @returns milliseconds until the next look */
  look(): number {
    let shortestMs = LOOK_MAX_MS * LOOKS_PER_PERIOD;
    const nowMs = readMonotonic();
    for (const path of this.#paths.values()) {
      shortestMs = Math.min(shortestMs, path.everyMs);
      const socket = this.#socketOf(path); // Connected ahead: a handshake takes time that a late loop may not have.
      const beatMs = Math.max(this.#beats[path.client] ?? 0, this.#sentAtMs.get(path.number) ?? 0);
      const isLate = nowMs - beatMs > path.everyMs * (1 + LATE_PART);
      if (isLate && socket.isUp) this.#send(socket, path, nowMs);
    }
    return Math.min(LOOK_MAX_MS, Math.max(LOOK_MIN_MS, shortestMs / LOOKS_PER_PERIOD));
  }

  #send(socket: Socket, path: KeptPath, nowMs: number): void {
    this.#lastId += 1;
    this.#sentAtMs.set(path.number, nowMs);
    this.#unanswered.set(this.#lastId, { path, sent: readSharedClocks() }); // Read before the sending.
    for (const id of this.#unanswered.keys()) {
      if (this.#unanswered.size <= UNANSWERED_MAX) break;
      this.#unanswered.delete(id);
    }
    // Count 0: no grant may found its belief on a frame of which the main loop does not know the time.
    socket.send([[KIND_KEEPALIVE, this.#lastId, 0, [path.number]]]);
  }

  received(messages: readonly ServerMessage[]): void {
    for (const message of messages) {
      if (message.kind === "done") this.#unanswered.delete(message.id);
      if (message.kind !== "kept") continue;
      const sent = this.#unanswered.get(message.id);
      if (sent !== undefined) this.#tell({ client: sent.path.client, sent: sent.sent, kept: message });
    }
  }

  #socketOf(path: KeptPath): Socket {
    const name = `${path.key}@${path.address}`;
    let socket = this.#sockets.get(name);
    if (socket === undefined) {
      const target = {
        addresses: () => [path.address],
        client: "holdfast-js keep-alives",
        key: path.key,
        wantsRing: () => false,
        openWire: openNodeWire,
        hasOthers: () => false,
      };
      socket = new Socket(target, {
        welcomed: () => undefined,
        received: (_socket, messages) => {
          this.received(messages);
        },
        down: () => undefined,
        refused: () => undefined,
      });
      this.#sockets.set(name, socket);
      socket.start();
    }
    return socket;
  }

  #dropUnused(): void {
    const used = new Set([...this.#paths.values()].map((path) => `${path.key}@${path.address}`));
    for (const [name, socket] of this.#sockets) {
      if (used.has(name)) continue;
      socket.stop();
      this.#sockets.delete(name);
    }
  }
}

const thread = new KeepAliveThread();
parentPort?.on("message", (order: ThreadOrder) => {
  thread.obey(order);
});
look();

function look(): void {
  setTimeout(look, thread.look());
}
