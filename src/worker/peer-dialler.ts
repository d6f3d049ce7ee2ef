/**
 * Dials one worker of another node, and dials again whenever the connection is gone. Refused and timed-out are told
 * apart: only the first says that nobody is there.
 */
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import {
  decodeChallenge,
  decodeProof,
  encodeGreeting,
  encodeProof,
  type PeerGreeting,
  type PeerPurpose,
} from "../protocol/peer-frames.js";
import { isProof, proofOf, type ProofSubject } from "./peer-proof.js";
import {
  PEER_FRAME_BYTES_MAX,
  PEER_HANDSHAKE_MS,
  PEER_ROUTE,
  PEER_SILENT_MS,
  PEER_UNSENT_BYTES_MAX,
  type PeerEnd,
  type PeerEnding,
  type PeerEvents,
  type PeerSelf,
} from "./peer-wire.js";

const AGAIN_MIN_MS = 50;
const AGAIN_MAX_MS = 300;
const NONCE_BYTES = 32;
const LINK_BYTES = 16;

/** Whom to dial, and for what. */
export interface DialTarget {
  readonly node: string;
  readonly worker: number;
  readonly purpose: PeerPurpose;
  /** `host:port`, asked again at each attempt. */
  readonly address: () => string | undefined;
}

/** What a dialler is made of. */
export interface DiallerParts {
  readonly self: PeerSelf;
  readonly target: DialTarget;
  readonly events: PeerEvents;
  /** Nobody listens there. */
  readonly refused: () => void;
  /** The other does not have this cluster's key, or refuses this node; in words for people. */
  readonly mistrusted: (why: string) => void;
}

export class PeerDialler {
  readonly #parts: DiallerParts;
  #socket: WebSocket | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(parts: DiallerParts) {
    this.#parts = parts;
    this.#dial();
  }

  /** Dials no more, and ends the connection. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  /** A second refusal counts only at once: does not wait out the pause. */
  hurry(): void {
    if (this.#isStopped || this.#socket !== null) return;
    clearTimeout(this.#timer);
    this.#dial();
  }

  #dial(): void {
    const address = this.#parts.target.address();
    if (address === undefined) return this.#again();
    const socket = new WebSocket(`ws://${address}${PEER_ROUTE}`, {
      perMessageDeflate: false,
      handshakeTimeout: PEER_HANDSHAKE_MS,
      maxPayload: PEER_FRAME_BYTES_MAX,
    });
    socket.binaryType = "nodebuffer";
    this.#socket = socket;
    const attempt = new Attempt(this.#parts, socket);
    socket.on("close", () => {
      attempt.closed();
      this.#socket = null;
      this.#again();
    });
  }

  #again(): void {
    if (this.#isStopped) return;
    const pauseMs = AGAIN_MIN_MS + Math.random() * (AGAIN_MAX_MS - AGAIN_MIN_MS);
    this.#timer = setTimeout(() => this.#dial(), pauseMs);
    this.#timer.unref();
  }
}

/** One connection, from its dialling to its end. */
class Attempt {
  readonly #parts: DiallerParts;
  readonly #socket: WebSocket;
  readonly #greeting: PeerGreeting;
  readonly #sweep: NodeJS.Timeout;
  #challenge = "";
  #end: PeerEnd | null = null;
  #ending: PeerEnding = "closed";
  #heardMs = performance.now();

  constructor(parts: DiallerParts, socket: WebSocket) {
    this.#parts = parts;
    this.#socket = socket;
    const { self, target } = parts;
    this.#greeting = {
      link: randomBytes(LINK_BYTES).toString("hex"),
      purpose: target.purpose,
      cluster: self.cluster,
      node: self.node,
      worker: self.worker,
      to: target.node,
      nonce: randomBytes(NONCE_BYTES).toString("hex"),
    };
    socket.on("open", () => socket.send(encodeGreeting(this.#greeting)));
    socket.on("message", (data: unknown) => {
      this.#heardMs = performance.now();
      if (data instanceof Uint8Array) this.#receive(data);
    });
    socket.on("pong", () => {
      this.#heardMs = performance.now();
    });
    socket.on("error", (error: Error) => {
      const code = "code" in error ? error.code : "";
      if (code === "ECONNREFUSED") parts.refused();
      if (code === "ETIMEDOUT" || code === "EHOSTUNREACH" || code === "ENETUNREACH") this.#ending = "timed-out";
    });
    this.#sweep = setInterval(() => this.#look(), PEER_SILENT_MS / 4);
    this.#sweep.unref();
  }

  closed(): void {
    clearInterval(this.#sweep);
    if (this.#end !== null) this.#parts.events.lost(this.#end, this.#ending);
    this.#end = null;
  }

  #receive(bytes: Uint8Array): void {
    const { self, target, events, mistrusted } = this.#parts;
    if (this.#end !== null) return events.received(this.#end, bytes);
    if (this.#challenge === "") {
      this.#challenge = decodeChallenge(bytes) ?? "";
      if (this.#challenge === "") return this.#socket.terminate();
      return this.#socket.send(encodeProof(proofOf(self.key, "dialled", this.#subject())));
    }
    const proof = decodeProof(bytes);
    if (proof === null || !isProof(proof, proofOf(self.key, "was-dialled", this.#subject()))) {
      mistrusted(`node ${target.node} does not have this cluster's key (setting cluster.key)`);
      return this.#socket.terminate();
    }
    const { node, worker, purpose } = target;
    this.#end = {
      node,
      worker,
      purpose,
      link: this.#greeting.link,
      send: (frame) => {
        if (this.#socket.readyState !== WebSocket.OPEN) return;
        this.#socket.send(frame);
        if (this.#socket.bufferedAmount > PEER_UNSENT_BYTES_MAX) this.#socket.terminate();
      },
      close: () => this.#socket.terminate(),
    };
    events.opened(this.#end);
  }

  #subject(): ProofSubject {
    return { greeting: this.#greeting, challenge: this.#challenge };
  }

  #look(): void {
    if (performance.now() > this.#heardMs + PEER_SILENT_MS) {
      this.#ending = "timed-out";
      this.#socket.terminate();
    } else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }
}
