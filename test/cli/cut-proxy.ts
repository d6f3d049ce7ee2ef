// A TCP proxy between a client and a server that can cut what runs through it, without a word or with one.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** How a connection is cut: nothing arrives any more, or it is reset and every new one refused. */
export type CutKind = "silence" | "reset";

/** A proxy on a free port of 127.0.0.1. */
export class CutProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut: CutKind | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Starts one in front of `port`. */
  static async start(port: number): Promise<CutProxy> {
    const server = createServer({ pauseOnConnect: true });
    const proxy = new CutProxy(server);
    server.on("connection", (inner) => proxy.#take(inner, port));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    assert.ok(typeof address === "object" && address !== null);
    return address.port;
  }

  cut(kind: CutKind): void {
    this.#cut = kind;
    if (kind === "reset") for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(inner: Socket, port: number): void {
    if (this.#cut === "reset") {
      inner.resetAndDestroy();
      return;
    }
    const outer = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (bytes) => {
        if (this.#cut === undefined) to.write(bytes);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        if (this.#cut !== "silence") to.destroy();
      });
    }
    inner.resume();
  }
}
