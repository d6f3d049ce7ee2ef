/** What an endpoint is given: the request, its caller, and a line to the locks that is opened when it is needed. */
import { crc32 } from "../../words/crc32.js";
import type { Limits } from "../../words/limits.js";
import type { Ring } from "../../placement/ring.js";
import { principalOf } from "../../access/principal.js";
import type { Front } from "../front.js";
import type { Exchange } from "./exchange.js";
import { Line } from "./line.js";

/** What all calls of a worker share. */
export interface Desk {
  readonly front: Front;
  readonly limits: Limits;
  readonly ring: Ring;
  /** Which worker this is, and which has each shard. */
  readonly worker: number;
  readonly workers: number;
  readonly workerOfShard: Uint16Array;
  readonly isDraining: () => boolean;
  /** For each worker a name that lies there (health.ts). */
  readonly probes: readonly string[];
  /** The OpenAPI document, as JSON. */
  readonly description: () => string;
}

const encoder = new TextEncoder();

/** One request that is being served. */
export class Call {
  readonly desk: Desk;
  readonly exchange: Exchange;
  readonly principal: string;
  /** Empty where there is none. */
  readonly body: Uint8Array;
  /** Settled when what takes long is to be ended: the client has gone, or the node goes down. */
  readonly interrupted: Promise<"gone" | "draining">;
  #interrupt: (why: "gone" | "draining") => void = () => undefined;
  #line: Line | undefined;

  constructor(desk: Desk, exchange: Exchange, body: Uint8Array) {
    this.desk = desk;
    this.exchange = exchange;
    this.body = body;
    this.principal = principalOf({ key: exchange.head.key });
    // One promise for each call: a race with one that outlives it would keep the call for ever.
    this.interrupted = new Promise((tell) => {
      this.#interrupt = tell;
    });
    exchange.onGone = () => {
      this.#interrupt("gone");
    };
    if (exchange.isGone) this.#interrupt("gone");
  }

  /** The node goes down. */
  drain(): void {
    this.#interrupt("draining");
  }

  /** @throws Refusal `overloaded` */
  get line(): Line {
    this.#line ??= new Line(this.desk.front, { principal: this.principal, address: this.exchange.head.address });
    return this.#line;
  }

  /** Where a resource is. */
  placeOf(resource: string): { readonly shard: number; readonly worker: number } {
    const name = encoder.encode(resource);
    const shard = this.desk.ring.shardOf(crc32(name, 0, name.length, 0));
    return { shard, worker: this.desk.workerOfShard[shard] ?? this.desk.worker };
  }

  /** Gives back what the call had. */
  close(): void {
    this.#line?.close();
  }
}
