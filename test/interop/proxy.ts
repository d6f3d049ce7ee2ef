/**
 * A wire that a test can cut or hold up: TCP in front of a server. What comes from the server while the wire is mute is
 * never delivered, as when a machine is unplugged between an effect and its answer.
 */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";

/** One wire to one server; it may be connected through any number of times. */
export class Proxy {
  readonly #server: Server;
  readonly #pairs: Set<readonly [client: Socket, server: Socket]> = new Set();
  #isMute = false;

  private constructor(target: string) {
    const [host = "", port = ""] = target.split(":");
    this.#server = createServer((client) => {
      this.#join(client, createConnection(Number(port), host));
    });
  }

  /** A wire to `host:port`, at any free port. */
  static async before(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** `127.0.0.1:PORT`. */
  get address(): string {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? `127.0.0.1:${address.port}` : "";
  }

  /** From now on nothing that the server says is delivered; what the client says is. */
  mute(): void {
    this.#isMute = true;
  }

  /** Cuts every connection without a word; new ones are whole. */
  cut(): void {
    this.#isMute = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#pairs.clear();
  }

  /** Cuts all, and takes no more. */
  end(): void {
    this.#server.close();
    this.cut();
  }

  #join(client: Socket, server: Socket): void {
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    client.on("data", (bytes) => server.write(bytes));
    server.on("data", (bytes) => {
      if (!this.#isMute) client.write(bytes);
    });
    for (const socket of pair) {
      socket.setNoDelay();
      socket.on("error", () => {}); // Its end is told by "close".
      socket.on("close", () => {
        this.#pairs.delete(pair);
        for (const either of pair) either.destroy();
      });
    }
  }
}
