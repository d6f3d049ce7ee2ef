/**
 * Calls to one of several etcd endpoints. Each call has a deadline, because a frozen etcd keeps its connections open, and
 * nothing is tried again by the gRPC library: an unknown outcome must stay one. After a failure the next endpoint
 * is asked. Reconnecting is quick: by its defaults the library comes back 6 s late from an absence of 8 s.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { outOfRange } from "../words/assert.js";
import { ControlFault } from "./control-plane.js";
import { readTxnAnswer, TXN, type TxnAnswer, WATCH } from "./etcd-schema.js";

/** How long a caller waits. Milliseconds. */
export interface EtcdPatience {
  /** For one try at one endpoint. */
  readonly callMs: number;
  /** For a read or registration, over all tries. */
  readonly totalMs: number;
  /** Between tries. */
  readonly pauseMs: number;
}

/** Chosen so that a fail-over that meets a dead member of etcd is still one of a few seconds. */
export const ETCD_PATIENCE: EtcdPatience = { callMs: 1_000, totalMs: 4_000, pauseMs: 100 };

const CHANNEL_OPTIONS = {
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 500,
  // A connection to a machine that went silent. etcd closes on who pings more often than every 5 s.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 3_000,
  "grpc.max_receive_message_length": 64 * 2 ** 20,
  // Each control plane has connections of its own: closing one must not touch another's.
  "grpc.use_local_subchannel_pool": 1,
};

/** A stream of watch requests and answers. */
export type WatchStream = ClientDuplexStream<object, object>;

interface Endpoint {
  readonly address: string;
  readonly client: Client;
}

/** Connections to all endpoints, one of them in use. */
export class EtcdConnection {
  readonly #endpoints: readonly Endpoint[];
  readonly #patience: EtcdPatience;
  /** A member that has lost its leader must not answer as if nothing were: it would never hear of a change. */
  readonly #metadata = new Metadata();
  #current = 0;
  #isClosed = false;

  /** @param endpoints `host:port` or `http://host:port`, at least one */
  constructor(endpoints: readonly string[], patience: EtcdPatience) {
    this.#endpoints = endpoints.map((text) => {
      const address = text.replace(/^http:\/\//, "").replace(/\/$/, "");
      return { address, client: new Client(address, credentials.createInsecure(), CHANNEL_OPTIONS) };
    });
    this.#patience = patience;
    this.#metadata.set("hasleader", "true");
  }

  /** One transaction, sent once. @throws ControlFault if no answer was seen: whether it was done is unknown then */
  async once(request: object): Promise<TxnAnswer> {
    return this.#call(request, this.#patience.callMs);
  }

  /** One transaction that may be done several times: at one endpoint after the other. @throws ControlFault as `once` */
  async repeatable(request: object): Promise<TxnAnswer> {
    const { callMs, totalMs, pauseMs } = this.#patience;
    const endMs = performance.now() + totalMs;
    for (;;) {
      try {
        return await this.#call(request, Math.min(callMs, Math.max(endMs - performance.now(), 1)));
      } catch (error) {
        if (this.#isClosed || performance.now() + pauseMs >= endMs) throw error;
      }
      await delay(pauseMs);
    }
  }

  /** Opens a watch at the endpoint in use. */
  watch(): { readonly address: string; readonly stream: WatchStream } {
    const { address, client } = this.#endpoint;
    const { path, requestSerialize, responseDeserialize } = WATCH;
    return {
      address,
      stream: client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, this.#metadata),
    };
  }

  /** The endpoint of this address has failed: others are asked from now on. */
  leave(address: string): void {
    if (this.#endpoint.address === address) this.#current = (this.#current + 1) % this.#endpoints.length;
  }

  close(): void {
    this.#isClosed = true;
    for (const { client } of this.#endpoints) client.close();
  }

  get #endpoint(): Endpoint {
    return this.#endpoints[this.#current] ?? outOfRange(this.#current);
  }

  async #call(request: object, deadlineMs: number): Promise<TxnAnswer> {
    const { address, client } = this.#endpoint;
    const { path, requestSerialize, responseDeserialize } = TXN;
    const options = { deadline: Date.now() + deadlineMs };
    try {
      const answer = await new Promise((resolve, reject) => {
        const take = (error: ServiceError | null, value?: object): void => {
          if (error === null) resolve(value);
          else reject(error);
        };
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, this.#metadata, options, take);
      });
      return readTxnAnswer(answer);
    } catch (error) {
      this.leave(address);
      const why = error instanceof Error ? error.message : String(error);
      throw new ControlFault("control-plane-unreachable", `etcd at ${address} has not answered: ${why}`, {
        cause: error,
      });
    }
  }
}
