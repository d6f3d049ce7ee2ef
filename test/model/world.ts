/**
 * The explorer's world as plain data: three replicas with their disks, links, frames under way, control plane, clients, and
 * the books of what was committed and answered. A world is never changed: a move makes a new one that shares what it did
 * not touch.
 */
import type { Position } from "../../src/replication/entry.js";
import type { Entry } from "../../src/replication/entry.js";
import type { Input } from "../../src/replication/inputs.js";
import type { Frame, LinkState } from "../../src/replication/link.js";
import type { ControlRequest, LogOrder } from "../../src/replication/outputs.js";
import type { ReplicaState } from "../../src/replication/state.js";
import type { Configuration } from "../../src/words/configuration.js";

export const NAMES: readonly string[] = ["a", "b", "c"];

/** What a crash can't take away, and what waits to be synced. */
export interface Disk {
  readonly remembered: Configuration | null;
  readonly committed: number;
  readonly base: Position;
  readonly entries: readonly Entry[];
  readonly waiting: readonly LogOrder[];
}

/** An answer that waits. */
export interface Reply {
  readonly client: number;
  readonly kind: "granted" | "busy" | "released" | "free" | "held" | "not-held";
  readonly token: number;
  readonly head: Position;
  readonly round: number;
  readonly epoch: number;
  /** The largest epoch in which anybody had served when the request was read. */
  readonly served: number;
  /** The largest token that had been answered then: a later grant has a larger one (INV-2). */
  readonly answered: number;
}

export interface Node {
  /** Null while it is down. */
  readonly state: ReplicaState | null;
  readonly disk: Disk;
  /** By index of the other side; null for none. */
  readonly links: readonly (LinkState | null)[];
  readonly marks: readonly { readonly round: number; readonly order: number }[];
  readonly replies: readonly Reply[];
  /** Its clock has gone on, and it has had no turn since. */
  readonly isDue: boolean;
  /** Its disk has lost an entry: no more is asked of it than that it is noticed. */
  readonly isSpoilt: boolean;
  /** How often it was started: answers to an earlier life mean nothing. */
  readonly life: number;
}

/** A request that the control plane has not done, or an answer that is under way. */
export interface Asked {
  readonly by: number;
  readonly life: number;
  readonly request: ControlRequest;
  /** Answered "not written" already: it may be done later all the same. */
  readonly isForsaken: boolean;
  /** Not null: read already, and the answer is late. */
  readonly answer: Input | null;
}

export interface Client {
  readonly isWaiting: boolean;
  /** The token that it believes in; 0 for none. */
  readonly token: number;
  readonly hasAsked: boolean;
}

/** What may still happen: each is spent by moves, so that every path ends. */
export interface Budget {
  ticks: number;
  acquires: number;
  releases: number;
  expiries: number;
  checks: number;
  crashes: number;
  cuts: number;
  /** Compare-and-swaps applied after "not written" was answered. */
  lateSwaps: number;
  /** Compare-and-swaps applied and not answered. */
  unanswered: number;
  lateReads: number;
  duplicates: number;
  handOvers: number;
  promotions: number;
  lostTails: number;
}

/** What was seen, apart from what any replica thinks. */
export interface Books {
  /** Ends of all that some primary has committed. */
  readonly committed: readonly Position[];
  /** Entries made, as epoch and LSN. */
  readonly made: readonly Position[];
  /** Who has served, by epoch: pairs of epoch and index. */
  readonly served: readonly { readonly epoch: number; readonly by: number }[];
  /** The largest token that was answered. */
  readonly token: number;
  /** The largest token whose lease has run out: nobody believes in it, however late its answer comes. */
  readonly ended: number;
}

export interface World {
  readonly nodes: readonly Node[];
  /** Frames under way, by 3 × from + to. */
  readonly channels: readonly (readonly Frame[])[];
  readonly configuration: Configuration;
  readonly asked: readonly Asked[];
  readonly clients: readonly Client[];
  readonly budget: Budget;
  readonly books: Books;
}

/** Numbers the links and nonces of a run: only their being different counts, so they are no part of a world. */
let fresh = 0;
export function freshName(of: string): string {
  return `${of}${++fresh}`;
}

export function nodeAt(world: World, index: number): Node {
  const node = world.nodes[index];
  if (node === undefined) throw new Error(`no replica ${index}`);
  return node;
}

export function channelAt(world: World, from: number, to: number): readonly Frame[] {
  return world.channels[NAMES.length * from + to] ?? [];
}

export function withNode(world: World, index: number, node: Node): World {
  return { ...world, nodes: world.nodes.map((other, at) => (at === index ? node : other)) };
}

export function withChannel(world: World, from: number, to: number, frames: readonly Frame[]): World {
  const number = NAMES.length * from + to;
  return { ...world, channels: world.channels.map((other, at) => (at === number ? frames : other)) };
}

/** A move that a safety clause should have made impossible. */
export class Broken extends Error {
  override readonly name: string = "Broken";
}

/** A move that leaves the bound: what lies behind it is not looked at. */
export class OutOfBound extends Error {
  override readonly name: string = "OutOfBound";
}
