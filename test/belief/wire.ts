/**
 * The wire of one client process: TCP in front of the server that holds up what goes either way, breaks while bytes are
 * under way and delivers them later, delivers the server's messages twice, and plays an old connection to the server anew.
 */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../tables/random.js";
import { FrameCutter } from "./frames.js";

/** Which way bytes go: to the server, or back. */
export type Way = "there" | "back";

/** Messages of the server that may come again. */
const REMEMBERED_MAX = 64;
/** Of what a client has said on one connection, to be said again. */
const SAID_BYTES_MAX = 256 * 1024;
/** How long an old connection that is played anew stays open, in milliseconds. */
const GHOST_MS = 300;

interface Link {
  readonly near: Socket;
  readonly far: Socket;
  readonly held: Record<Way, Buffer[]>;
  readonly said: Buffer[];
  saidSize: number;
  /** The server's last messages. */
  readonly heard: Buffer[];
  /** The client is gone, and what it said last is still to be delivered. */
  isLate: boolean;
}

/** A wire to one server; it may be connected through any number of times. */
export class Wire {
  readonly #server: Server;
  readonly #random: Random;
  readonly #port: number;
  readonly #links = new Set<Link>();
  readonly #ghosts = new Set<Socket>();
  readonly #heldWays = new Set<Way>();
  #repeats = false;

  private constructor(port: number, random: Random) {
    this.#port = port;
    this.#random = random;
    this.#server = createServer({ noDelay: true }, (near) => this.#join(near));
  }

  /** A wire to that port of this machine, at any free port. */
  static async before(port: number, random: Random): Promise<Wire> {
    const wire = new Wire(port, random);
    wire.#server.listen(0, "127.0.0.1");
    await once(wire.#server, "listening");
    return wire;
  }

  /** Where clients connect. */
  get url(): string {
    const address = this.#server.address();
    return `holdfast://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  /** From now on what goes that way waits. */
  hold(...ways: readonly Way[]): void {
    for (const way of ways) this.#heldWays.add(way);
  }

  /** Delivers all that waits, also for connections that are gone at the client's side. */
  deliver(): void {
    this.#heldWays.clear();
    for (const { near, far, held, isLate } of this.#links) {
      for (const bytes of held.there.splice(0)) far.write(bytes);
      for (const bytes of held.back.splice(0)) near.write(bytes);
      if (isLate) far.end();
    }
  }

  /** Breaks every connection at the client's side; the server hears of it when `deliver` is called. */
  breakNear(): void {
    for (const link of this.#links) {
      link.isLate = true;
      link.near.resetAndDestroy();
    }
  }

  /** Whether messages of the server come again, behind those that come for the first time. */
  repeat(repeats: boolean): void {
    this.#repeats = repeats;
  }

  /** Says to the server once more, over a new connection, all that was said on those that are there. */
  playAnew(): void {
    for (const { said, saidSize } of this.#links) {
      if (saidSize > SAID_BYTES_MAX) continue;
      const ghost = createConnection({ host: "127.0.0.1", port: this.#port, noDelay: true });
      this.#ghosts.add(ghost);
      ghost.on("error", () => undefined);
      ghost.on("close", () => this.#ghosts.delete(ghost));
      ghost.resume();
      for (const bytes of said) ghost.write(bytes);
      setTimeout(() => ghost.destroy(), GHOST_MS);
    }
  }

  /** Cuts all, and takes no more. */
  end(): void {
    this.#server.close();
    for (const { near, far } of this.#links) for (const socket of [near, far]) socket.destroy();
    for (const ghost of this.#ghosts) ghost.destroy();
  }

  #join(near: Socket): void {
    const far = createConnection({ host: "127.0.0.1", port: this.#port, noDelay: true });
    const link: Link = { near, far, held: { there: [], back: [] }, said: [], saidSize: 0, heard: [], isLate: false };
    this.#links.add(link);
    const cutter = new FrameCutter();
    near.on("data", (bytes) => {
      const copy = Buffer.from(bytes);
      link.saidSize += copy.length;
      if (link.saidSize <= SAID_BYTES_MAX) link.said.push(copy);
      this.#pass(link, "there", copy);
    });
    far.on("data", (bytes) => {
      for (const piece of cutter.take(Buffer.from(bytes))) {
        this.#pass(link, "back", piece.bytes);
        if (piece.isMessage) this.#passAgain(link, piece.bytes);
      }
    });
    for (const socket of [near, far]) socket.on("error", () => undefined); // Its end is told by "close".
    far.on("close", () => {
      this.#links.delete(link);
      near.destroy();
    });
    near.on("close", () => {
      if (!link.isLate) far.destroy();
    });
  }

  #passAgain(link: Link, message: Buffer): void {
    link.heard.push(message);
    if (link.heard.length > REMEMBERED_MAX) link.heard.shift();
    if (this.#repeats) this.#pass(link, "back", this.#random.pick(link.heard));
  }

  #pass(link: Link, way: Way, bytes: Buffer): void {
    if (this.#heldWays.has(way)) link.held[way].push(bytes);
    else (way === "there" ? link.far : link.near).write(bytes);
  }
}
