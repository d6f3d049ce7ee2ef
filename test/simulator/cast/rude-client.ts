/**
 * A client that keeps to no rule: garbage, half frames, made-up tokens and paths, ids out of order, requests again from
 * long ago, floods. The service must bear it, and no other client may notice. It believes nothing.
 */
import { decodeFrame, encodeFrame, type Message } from "../../../src/protocol/client-codec.js";
import { ProtocolError } from "../../../src/protocol/fields.js";
import type { ServerMessage } from "../../../src/protocol/server-messages.js";
import {
  KIND_ACQUIRE,
  KIND_CANCEL,
  KIND_CHECK,
  KIND_CLOSE,
  KIND_GROUP,
  KIND_HELLO,
  KIND_KEEPALIVE,
  KIND_OPEN,
  KIND_RELEASE,
  KIND_RENEW,
  PROTOCOL_VERSION,
} from "../../../src/words/kinds.js";
import type { Books } from "../books.js";
import { hexOf } from "../log-reader.js";
import type { End } from "../world/connection.js";
import { Machine } from "../world/machine.js";
import type { Network } from "../world/network.js";
import type { World } from "../world/world.js";
import type { SimulatedNode } from "./node.js";
import { resourceNames } from "./resources.js";
import type { RunSettings } from "./settings.js";

/** What a rude client is made of. */
export interface RudeParts {
  readonly world: World;
  readonly network: Network;
  readonly books: Books;
  readonly settings: RunSettings;
  readonly name: string;
  readonly node: SimulatedNode;
}

const EVERY_US = 300_000;
const FLOOD = 200;
const OLD_MAX = 50;

export class RudeClient {
  readonly #parts: RudeParts;
  readonly #random;
  readonly #machine: Machine;
  readonly #resources: readonly string[];
  readonly #key: Uint8Array;
  /** Frames that it has sent before, to send them again. */
  readonly #old: Uint8Array[] = [];
  /** Requests of any frame, to ask them again. */
  readonly #asked: Message[] = [];
  readonly #paths: number[] = [];
  readonly #tokens: number[] = [];
  #end: End | undefined;
  #id = 0;
  #isStopped = false;

  constructor(parts: RudeParts) {
    this.#parts = parts;
    const { world, name, node, settings } = parts;
    this.#random = world.random(name);
    this.#machine = new Machine(world, { name, driftPpm: 0, wallAheadUs: 0, timerLateMaxUs: 0 });
    this.#machine.start();
    this.#resources = resourceNames(node.name, settings.users.resources);
    this.#key = Uint8Array.from({ length: 16 }, () => this.#random.below(256));
    parts.books.stranger(hexOf(this.#key, 0, this.#key.length), this.#resources);
    this.#later();
  }

  /** It goes away, for good. */
  stop(): void {
    this.#isStopped = true;
    this.#end?.close();
  }

  #later(): void {
    this.#parts.world.in(this.#random.between(1, 2 * EVERY_US), () => {
      if (this.#isStopped) return;
      this.#act();
      this.#later();
    });
  }

  #act(): void {
    const { world, name } = this.#parts;
    if (!world.decide(`${name}/act`, true)) return;
    if (this.#end === undefined) return this.#connect();
    if (!this.#end.isOpen) return;
    const random = this.#random;
    const what = random.below(8);
    if (what === 0) this.#garbage();
    else if (what === 1 && this.#old.length > 0) this.#end.send(random.pick(this.#old));
    else if (what === 2 && this.#old.length > 0) {
      const whole = random.pick(this.#old);
      this.#end.send(whole, 0, random.below(whole.length + 1));
    } else if (what === 3) for (let at = 0; at < FLOOD; at++) this.#send([this.#request()]);
    else if (what === 4) this.#open();
    else if (what === 5) this.#end.close();
    else this.#send(Array.from({ length: 1 + random.below(5) }, () => this.#request()));
    if (what === 5) this.#end = undefined;
  }

  #connect(): void {
    const { network, node } = this.#parts;
    const address = this.#random.pick(node.addresses);
    const end = network.connect(
      this.#machine,
      { address, host: node.name },
      {
        opened: () => {
          if (this.#random.chance(0.9)) this.#send([[KIND_HELLO, { version: PROTOCOL_VERSION, client: "rude" }]]);
        },
        message: (bytes) => this.#read(bytes),
        closed: () => {
          if (this.#end === end) this.#end = undefined;
        },
      },
    );
    this.#end = end;
  }

  /** What it learns helps it to be rude. */
  #read(bytes: Uint8Array): void {
    let messages: readonly ServerMessage[];
    try {
      messages = decodeFrame(bytes);
    } catch (error) {
      if (error instanceof ProtocolError) return;
      throw error;
    }
    for (const message of messages) {
      if (message.kind === "opened") this.#paths.push(...message.paths);
      if (message.kind === "granted") this.#tokens.push(message.token);
    }
  }

  #open(): void {
    const { settings } = this.#parts;
    const worker = this.#random.below(settings.workers + 1);
    this.#send([[KIND_OPEN, this.#takeId(), worker, [[this.#key, settings.sessionTtlMs, 0, []]]]]);
  }

  #garbage(): void {
    const bytes = Uint8Array.from({ length: this.#random.below(200) }, () => this.#random.below(256));
    this.#end?.send(bytes);
  }

  #send(messages: readonly Message[]): void {
    const random = this.#random;
    const [newest] = this.#paths.slice(-1);
    const isNewest = newest !== undefined && random.chance(0.6);
    const other = this.#paths.length > 0 && random.chance(0.7) ? random.pick(this.#paths) : random.below(1_000);
    const path = isNewest ? newest : other;
    const isGrouped = random.chance(0.7);
    const frame = encodeFrame(
      isGrouped ? [[KIND_GROUP, path, random.below(100), random.below(5)], ...messages] : messages,
    );
    if (this.#old.length < OLD_MAX) this.#old.push(frame);
    this.#end?.send(frame);
  }

  /** Ids go up, mostly. */
  #takeId(): number {
    if (this.#random.chance(0.8)) this.#id++;
    return this.#random.chance(0.1) ? this.#random.below(this.#id + 1) : this.#id;
  }

  /** Something new, or what it has asked before, under its old id and on whatever path it has now. */
  #request(): Message {
    const random = this.#random;
    const isAgain = this.#asked.length > 0 && random.chance(0.3);
    const message = isAgain ? random.pick(this.#asked) : this.#newRequest();
    if (!isAgain && this.#asked.length < OLD_MAX) this.#asked.push(message);
    return message;
  }

  #newRequest(): Message {
    const random = this.#random;
    const id = this.#takeId();
    const resource = random.pick(this.#resources);
    const ttlMs = random.pick([0, this.#parts.settings.sessionTtlMs, 1, 2 ** 40]);
    const token = this.#tokens.length > 0 && random.chance(0.5) ? random.pick(this.#tokens) : random.below(2_000);
    switch (random.below(7)) {
      case 0:
        return [
          KIND_ACQUIRE,
          id,
          resource,
          ttlMs,
          random.pick([0, 100, 5_000]),
          random.below(4),
          random.below(4),
          0,
          null,
        ];
      case 1:
        return [KIND_RELEASE, id, resource, token];
      case 2:
        return [KIND_RENEW, id, resource, token, ttlMs];
      case 3:
        return [KIND_CANCEL, id, resource, random.below(this.#id + 2)];
      case 4:
        return [KIND_CHECK, id, resource];
      case 5:
        return [KIND_KEEPALIVE, id, random.below(100), this.#paths.slice(-3)];
      default:
        return random.chance(0.1) && this.#paths.length > 0
          ? [KIND_CLOSE, id, random.pick(this.#paths)]
          : [random.below(60), id, resource];
    }
  }
}
