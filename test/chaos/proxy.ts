/**
 * A TCP proxy whose links have weather: it delays, throttles, holds, splits, cuts and resets, each direction by itself,
 * without privileges. Who has dialled is found by whose socket the other end is, so that one address serves all diallers.
 */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { diallerOf } from "./dialler.js";
import type { Sky, Weather } from "./weather.js";

/** A proxy before one port of one party. */
export interface ProxyParts {
  readonly sky: Sky;
  readonly listen: { readonly host: string; readonly port: number };
  readonly target: { readonly host: string; readonly port: number };
  /** Whose port it is. */
  readonly name: string;
  /** Who may dial: a name by process id, or one name for all. */
  readonly diallers: string | (() => ReadonlyMap<number, string>);
}

/** What a proxy keeps for one direction before it stops reading. */
const KEPT_BYTES_MAX = 1024 * 1024;

export class Proxy {
  readonly #parts: ProxyParts;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(parts: ProxyParts) {
    this.#parts = parts;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /** Listens. @throws the error of the system where the port is taken */
  static async start(parts: ProxyParts): Promise<Proxy> {
    const proxy = new Proxy(parts);
    proxy.#server.listen(parts.listen.port, parts.listen.host);
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** Where it listens. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Ends all. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(near: Socket): void {
    near.on("error", () => undefined);
    const { sky, target, name, diallers } = this.#parts;
    const from = typeof diallers === "string" ? diallers : diallerOf(near, diallers());
    if (from === undefined) return void near.destroy(); // Its process is gone, or was never of the cluster.
    const there = sky.between(from, name);
    const back = sky.between(name, from);
    if (there.isCut || back.isCut) return void near.resetAndDestroy();
    const far = createConnection({ ...target, noDelay: true, allowHalfOpen: true });
    far.on("error", () => undefined);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
    const pipes = [new Pipe(near, far, there), new Pipe(far, near, back)];
    const unwatch = sky.watch(() => {
      if (there.isCut || back.isCut) for (const socket of [near, far]) socket.resetAndDestroy();
      else for (const pipe of pipes) pipe.go();
    });
    const ended = (): void => {
      if (near.destroyed && far.destroyed) unwatch();
    };
    near.once("close", ended);
    far.once("close", ended);
    near.resume();
  }
}

type Ending = "end" | "reset";

/** One direction of one connection. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: Weather;
  #pieces: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  #kept = 0;
  #ending: Ending | undefined;
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, weather: Weather) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    from.on("data", (bytes) => this.#take(Buffer.from(bytes)));
    from.once("end", () => this.#ended("end"));
    from.once("close", (hadError) => this.#ended(hadError ? "reset" : "end"));
    to.on("drain", () => this.go());
    to.once("close", () => clearTimeout(this.#timer));
  }

  #take(bytes: Buffer): void {
    const dueMs = performance.now() + this.#weather.delayMs;
    const { isSplit } = this.#weather;
    if (isSplit)
      for (let at = 0; at < bytes.length; at++) this.#pieces.push({ bytes: bytes.subarray(at, at + 1), dueMs });
    else this.#pieces.push({ bytes, dueMs });
    this.#kept += bytes.length;
    if (this.#kept > KEPT_BYTES_MAX) this.#from.pause();
    this.go();
  }

  #ended(how: Ending): void {
    if (this.#ending !== "reset") this.#ending = how;
    this.go();
  }

  /** Passes on what may go. */
  go(): void {
    clearTimeout(this.#timer);
    if (this.#weather.isHeld || this.#to.destroyed) return;
    for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
      if (this.#to.writableNeedDrain) return;
      const waitMs = Math.max(piece.dueMs, this.#freeAtMs) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.go(), waitMs);
        return;
      }
      this.#pieces.shift();
      this.#kept -= piece.bytes.length;
      this.#to.write(piece.bytes);
      if (Number.isFinite(this.#weather.throttle))
        this.#freeAtMs = performance.now() + (piece.bytes.length / this.#weather.throttle) * 1_000;
    }
    if (this.#kept <= KEPT_BYTES_MAX) this.#from.resume();
    if (this.#ending === "end") this.#to.end();
    else if (this.#ending === "reset") this.#to.resetAndDestroy();
  }
}
