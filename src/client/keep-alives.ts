/**
 * The main loop's half of the keep-alive thread: a loop that is busy for a minute can't send, but what it holds
 * stays held, and the first question after it, or within it, is answered by what the thread has heard meanwhile.
 *
 *     main loop ──beats (shared memory), paths──▶ thread ──KEEPALIVE when no beat came──▶ server
 *         ▲                                         │
 *         └──────── KEPT, time of sending ──────────┘    read at once where belief is asked for
 *
 * One thread serves all clients of a process. Where there are no threads, the main loop is alone.
 */
import type { MessagePort, Worker } from "node:worker_threads";
import { type Kept, type KeptPath, readMonotonic, type ThreadNews, type ThreadOrder } from "./keep-alive-words.js";
import { nodeProcess, type Readings } from "./machine.js";

/** Clients of one process that the thread can serve; later ones go without. */
const CLIENTS_MAX = 4096;

/** Hears what the thread was answered; `sent` is what the machine's clocks said before the keep-alive was sent. */
export type KeptListener = (kept: Kept, sent: Readings) => void;

/** One client's place at the thread. */
export interface Seat {
  /** The main loop lives: the thread has nothing to do for this client until the next is overdue. */
  beat(): void;
  keep(path: Omit<KeptPath, "client">): void;
  drop(pathNumber: number): void;
  /** Takes in what the thread has heard, now, although this turn of the loop is not over. */
  drain(): void;
  leave(): void;
}

const threads = nodeProcess()?.getBuiltinModule("node:worker_threads");

/** The thread, its channel and the clients that sit at it. */
class SharedThread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #beats: Float64Array;
  readonly #listeners: (KeptListener | undefined)[] = [];

  constructor(modules: NonNullable<typeof threads>) {
    const memory = new SharedArrayBuffer(CLIENTS_MAX * Float64Array.BYTES_PER_ELEMENT);
    this.#beats = new Float64Array(memory);
    const { port1, port2 } = new modules.MessageChannel();
    this.#port = port1;
    this.#worker = new modules.Worker(new URL("./keep-alive-thread.js", import.meta.url), { execArgv: [] });
    this.#worker.on("error", () => undefined); // As where there are no threads: the main loop keeps alive alone.
    this.#worker.unref();
    const begin: ThreadOrder = { kind: "begin", beats: memory, port: port2 };
    this.#worker.postMessage(begin, [port2]);
    port1.on("message", (news: ThreadNews) => {
      this.#hear(news);
    });
    port1.unref();
  }

  take(listener: KeptListener): Seat | undefined {
    const free = this.#listeners.indexOf(undefined);
    const client = free < 0 ? this.#listeners.length : free;
    if (client >= CLIENTS_MAX) return undefined;
    this.#listeners[client] = listener;
    const paths = new Set<number>();
    const drop = (number: number): void => {
      if (paths.delete(number)) this.#order({ kind: "drop", number });
    };
    return {
      beat: () => {
        this.#beats[client] = readMonotonic();
      },
      keep: (path) => {
        paths.add(path.number);
        this.#order({ kind: "keep", path: { ...path, client } });
      },
      drop,
      drain: () => {
        this.#drain();
      },
      leave: () => {
        for (const number of [...paths]) drop(number);
        this.#listeners[client] = undefined;
      },
    };
  }

  #order(order: ThreadOrder): void {
    this.#worker.postMessage(order);
  }

  #drain(): void {
    for (;;) {
      const received: { readonly message: ThreadNews } | undefined = threads?.receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#hear(received.message);
    }
  }

  #hear(news: ThreadNews): void {
    this.#listeners[news.client]?.(news.kept, news.sent);
  }
}

let shared: SharedThread | undefined;

/** A seat at the thread, which is started by the first; undefined where there is none to be had. */
export function takeSeat(listener: KeptListener): Seat | undefined {
  if (threads === undefined) return undefined;
  try {
    shared ??= new SharedThread(threads);
  } catch {
    return undefined; // No memory for a thread, or a permission that forbids it.
  }
  return shared.take(listener);
}
