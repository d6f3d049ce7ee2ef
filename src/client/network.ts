/**
 * The connections of one client to the workers of a node: one through any address that was given (the entry), and one
 * to each worker that is needed, at its own address. A worker whose own address can't be reached, as behind a
 * container's network, is reached through the entry, which forwards.
 */
import type { Message } from "../protocol/client-codec.js";
import { ProtocolError } from "../protocol/fields.js";
import type { ClusterMap, ServerMessage, Welcome } from "../protocol/server-messages.js";
import { Ring } from "./ring.js";
import { Socket, type SocketListener } from "./socket.js";
import type { ServerUrl } from "./url.js";
import type { OpenWire } from "./wire.js";

/** Failed attempts after which a worker's own address counts as out of reach. */
const FAILURES_MAX = 2;

/** Whom the network tells. */
export interface NetworkListener {
  /** Any connection's handshake: the map may be new. The entry's comes first. */
  welcomed(welcome: Welcome): void;
  received(messages: readonly ServerMessage[]): void;
  workerUp(worker: number): void;
  workerDown(worker: number): void;
  entryUp(): void;
  entryDown(reason: string): void;
  refused(reason: string): void;
}

/** Where to, as whom, and by what. */
export interface NetworkParts {
  readonly url: ServerUrl;
  readonly clientName: string;
  readonly openWire: OpenWire;
}

/** The connections, and which of them reaches which worker. */
export class Network implements SocketListener {
  readonly #url: ServerUrl;
  readonly #client: string;
  readonly #openWire: OpenWire;
  readonly #listener: NetworkListener;
  readonly #entry: Socket;
  /** Connections to a worker's own address. */
  readonly #own: Map<number, Socket> = new Map();
  readonly #routes: Map<number, Socket> = new Map();
  /** Workers whose own address was tried in vain since the entry came up. */
  readonly #outOfReach: Set<number> = new Set();
  #entryWorker = 0;
  #map: ClusterMap | undefined;
  #ring: Ring | undefined;

  constructor(who: NetworkParts, listener: NetworkListener) {
    this.#url = who.url;
    this.#client = who.clientName;
    this.#openWire = who.openWire;
    this.#listener = listener;
    this.#entry = this.#socketTo(() => this.#entryAddresses());
  }

  /** The shard of a resource; undefined before the first handshake. */
  shardOf(resource: string): number | undefined {
    return this.#ring?.shardOf(resource);
  }

  start(): void {
    this.#entry.start();
  }

  stop(): void {
    this.#entry.stop();
    for (const socket of this.#own.values()) socket.stop();
  }

  takeMap(map: ClusterMap): void {
    if (this.#map !== undefined && map.version < this.#map.version) return;
    const isSame = this.#map?.version === map.version && this.#map.workers.join() === map.workers.join();
    if (!isSame) this.#outOfReach.clear(); // A node that has started again may be at other addresses.
    this.#map = map;
  }

  /** Reaches for a worker: `workerUp` tells when it is there. */
  want(worker: number): void {
    if (this.#routes.has(worker) || this.#map === undefined) return;
    const hasAddress = this.#map.workers[worker] !== undefined && !this.#outOfReach.has(worker);
    if (this.#entry.isUp && (this.#entryWorker === worker || !hasAddress)) this.#route(worker, this.#entry);
    else if (hasAddress && !this.#own.has(worker) && this.#entry.isUp) this.#reach(worker);
  }

  /** Where the connection leads that reaches the worker: `host:port`; undefined if there is none. */
  addressOf(worker: number): string | undefined {
    return this.#routes.get(worker)?.address;
  }

  /** Sends a frame over the connection that reaches the worker, if there is one. */
  send(worker: number, messages: readonly Message[]): void {
    this.#routes.get(worker)?.send(messages);
  }

  /** Sends a frame without a session to any worker. */
  sendToEntry(messages: readonly Message[]): void {
    this.#entry.send(messages);
  }

  /** The most bytes that wait in one connection. */
  unsentBytes(): number {
    let most = this.#entry.unsentBytes;
    for (const socket of this.#own.values()) most = Math.max(most, socket.unsentBytes);
    return most;
  }

  welcomed(socket: Socket, welcome: Welcome): void {
    this.takeMap(welcome.map);
    const refusal = this.#takeRing(welcome);
    if (refusal !== undefined) {
      socket.stop();
      this.refused(socket, refusal);
      return;
    }
    if (this.#ring?.id !== welcome.map.ringId) {
      socket.restart(); // Another ring than the one we have: the next handshake asks for it.
      return;
    }
    this.#listener.welcomed(welcome);
    if (socket === this.#entry) {
      this.#entryWorker = welcome.worker;
      this.#outOfReach.clear();
      this.#listener.entryUp();
      return;
    }
    for (const [worker, own] of this.#own) {
      if (own !== socket) continue;
      if (worker === welcome.worker) this.#route(worker, socket);
      else this.#giveUp(worker, own);
    }
  }

  received(_socket: Socket, messages: readonly ServerMessage[]): void {
    this.#listener.received(messages);
  }

  down(socket: Socket, reason: string): void {
    for (const [worker, route] of [...this.#routes]) {
      if (route !== socket) continue;
      this.#routes.delete(worker);
      this.#listener.workerDown(worker);
    }
    if (socket === this.#entry) this.#listener.entryDown(reason);
    for (const [worker, own] of this.#own) {
      if (own === socket && own.failures >= FAILURES_MAX) this.#giveUp(worker, own);
    }
  }

  refused(socket: Socket, reason: string): void {
    this.down(socket, reason);
    this.#listener.refused(reason);
  }

  /** What was given, and behind it every worker that was ever told of: the given nodes may all be gone by now. */
  #entryAddresses(): readonly string[] {
    const told = (this.#map?.workers ?? []).filter((address) => address !== undefined);
    return [...new Set([...this.#url.addresses, ...told])];
  }

  /** Why the ring can't be used; undefined if it can, or if none came. */
  #takeRing(welcome: Welcome): string | undefined {
    if (welcome.ring === undefined) return undefined;
    try {
      this.#ring = new Ring(welcome.ring, welcome.map);
      return undefined;
    } catch (error) {
      if (error instanceof ProtocolError) return error.message;
      throw error;
    }
  }

  #giveUp(worker: number, own: Socket): void {
    own.stop();
    this.#own.delete(worker);
    this.#outOfReach.add(worker);
  }

  #reach(worker: number): void {
    const socket = this.#socketTo(() => {
      const address = this.#map?.workers[worker];
      return address === undefined ? [] : [address];
    });
    this.#own.set(worker, socket);
    socket.start();
  }

  #route(worker: number, socket: Socket): void {
    this.#routes.set(worker, socket);
    this.#listener.workerUp(worker);
  }

  #socketTo(addresses: () => readonly string[]): Socket {
    const target = {
      addresses,
      client: this.#client,
      key: this.#url.key,
      openWire: this.#openWire,
      hasOthers: () => this.#url.addresses.length > 1,
      wantsRing: () => this.#ring === undefined || this.#ring.id !== this.#map?.ringId,
    };
    return new Socket(target, this);
  }
}
