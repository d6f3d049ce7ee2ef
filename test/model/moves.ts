/** Every input that could come next, and the world after it. A move is told in words, as counter-examples are. */
import type { Input } from "../../src/replication/inputs.js";
import type { Configuration } from "../../src/words/configuration.js";
import { checkLogs } from "./books.js";
import type { Bound } from "./bounds.js";
import { endOf } from "../../src/replication/chain.js";
import { lockAt } from "./contents.js";
import { synced } from "./disk.js";
import type { Request } from "./requests.js";
import { firstTurn, turn } from "./turn.js";
import {
  type Asked,
  type Budget,
  channelAt,
  freshName,
  NAMES,
  type Node,
  nodeAt,
  OutOfBound,
  withChannel,
  withNode,
  type World,
} from "./world.js";

export type Move =
  | { readonly kind: "deliver" | "duplicate"; readonly from: number; readonly to: number }
  | { readonly kind: "jump" | "tick" | "sync" | "crash" | "start" | "lose-tail"; readonly at: number }
  | { readonly kind: "cut"; readonly at: number; readonly to: number }
  | { readonly kind: "hand-over"; readonly at: number; readonly to: number }
  | { readonly kind: "promote"; readonly at: number }
  | { readonly kind: "request"; readonly at: number; readonly request: Request }
  | {
      readonly kind: "control";
      readonly number: number;
      readonly how: "answered" | "unanswered" | "forsaken" | "late" | "answers";
    };

/** A move as a line of a counter-example. */
export function toldMove(move: Move, world: World): string {
  const name = (index: number): string => NAMES[index] ?? "?";
  switch (move.kind) {
    case "deliver":
    case "duplicate": {
      const said = channelAt(world, move.from, move.to)[0];
      const kinds = said?.messages.map(({ kind }) => kind).join(", ") ?? "";
      const stored = said !== undefined && said.acknowledged > 0 ? `stored up to round ${said.acknowledged}` : "";
      const again = move.kind === "duplicate" ? " (and once more)" : "";
      return `${name(move.to)} hears ${name(move.from)}: ${[kinds, stored].filter((part) => part !== "").join("; ")}${again}`;
    }
    case "jump":
      return `the clock of ${name(move.at)} goes on past every deadline`;
    case "request":
      return `${name(move.at)} is asked by client ${move.request.client}: ${move.request.kind}`;
    case "control": {
      const asked = world.asked[move.number];
      return `control plane: ${asked?.request.kind ?? "?"} of ${name(asked?.by ?? -1)}, ${move.how}`;
    }
    case "cut":
    case "hand-over":
      return `${move.kind} ${name(move.at)} ${name(move.to)}`;
    case "tick":
    case "sync":
    case "crash":
    case "start":
    case "lose-tail":
    case "promote":
      return `${move.kind} ${name(move.at)}`;
    default:
      throw new Error(`no such move: ${JSON.stringify(move satisfies never)}`);
  }
}

/** All moves that this world has within the bound. */
export function movesOf(world: World, bound: Bound): readonly Move[] {
  const moves: Move[] = [];
  for (let at = 0; at < bound.replicas; at++) {
    if (nodeAt(world, at).state === null) moves.push({ kind: "start", at });
    else movesAt(world, at, bound, moves);
  }
  controlMoves(world, moves);
  return moves;
}

function movesAt(world: World, at: number, bound: Bound, moves: Move[]): void {
  const { budget } = world;
  const node = nodeAt(world, at);
  for (let from = 0; from < bound.replicas; from++) {
    if (from === at || channelAt(world, from, at).length === 0) continue;
    moves.push({ kind: "deliver", from, to: at });
    if (budget.duplicates > 0) moves.push({ kind: "duplicate", from, to: at });
  }
  if (node.disk.waiting.length > 0) moves.push({ kind: "sync", at });
  if (node.isDue) moves.push({ kind: "tick", at });
  else if (budget.ticks > 0) moves.push({ kind: "jump", at });
  requestMoves(world, at, moves);
  if (budget.crashes > 0) moves.push({ kind: "crash", at });
  if (budget.lostTails > 0 && node.disk.entries.length > 0) moves.push({ kind: "lose-tail", at });
  if (budget.promotions > 0 && node.state?.role === "learner" && isAlone(world, at))
    moves.push({ kind: "promote", at });
  for (let to = 0; to < bound.replicas; to++) {
    if (to === at) continue;
    if (budget.cuts > 0 && at < to && nodeAt(world, to).state !== null) moves.push({ kind: "cut", at, to });
    const isServing = node.state?.role === "primary" && node.state.isServing;
    if (budget.handOvers > 0 && isServing) moves.push({ kind: "hand-over", at, to });
  }
}

function isAlone({ nodes }: World, at: number): boolean {
  return nodes.every(({ state }, index) => index === at || state === null);
}

function requestMoves({ nodes, budget, clients }: World, at: number, moves: Move[]): void {
  const state = nodes[at]?.state;
  if (state?.role !== "primary" || !state.isServing) return;
  const push = (kind: Request["kind"], client: number): void => {
    moves.push({ kind: "request", at, request: { kind, client } });
  };
  if (budget.expiries > 0) push("expire", -1);
  if (budget.checks > 0) push("check", -1);
  for (const [client, { isWaiting, token, hasAsked }] of clients.entries()) {
    if (isWaiting) continue;
    if (token > 0 && budget.releases > 0) push("release", client);
    if (token === 0 && budget.acquires > 0) push("acquire", client);
    if (!hasAsked) break; // Clients that have not asked yet are each other's like.
  }
}

function controlMoves({ asked, budget }: World, moves: Move[]): void {
  for (const [number, { request, isForsaken, answer }] of asked.entries()) {
    if (answer !== null) moves.push({ kind: "control", number, how: "answers" });
    else if (isForsaken) moves.push({ kind: "control", number, how: "unanswered" });
    else {
      moves.push({ kind: "control", number, how: "answered" });
      if (request.kind === "read" && budget.lateReads > 0) moves.push({ kind: "control", number, how: "late" });
      if (request.kind === "read") continue;
      if (budget.unanswered > 0) moves.push({ kind: "control", number, how: "unanswered" });
      if (budget.lateSwaps > 0) moves.push({ kind: "control", number, how: "forsaken" });
    }
  }
}

function spent(world: World, of: keyof Budget): World {
  const left = world.budget[of] - 1;
  return { ...world, budget: { ...world.budget, [of]: left } };
}

/** The world after a move. @throws Broken, OutOfBound, or what an assertion of the code under test says */
export function moved(world: World, move: Move, bound: Bound): World {
  const { isDiskSlow } = bound;
  switch (move.kind) {
    case "deliver":
    case "duplicate": {
      const { from, to } = move;
      const [frame, ...rest] = channelAt(world, from, to);
      if (frame === undefined) return world;
      const isTwice = move.kind === "duplicate";
      const left = isTwice ? spent(world, "duplicates") : withChannel(world, from, to, rest);
      return turn(left, to, { frame: { from, frame } }, isDiskSlow);
    }
    case "jump":
      return turn(spent(world, "ticks"), move.at, { isJump: true }, isDiskSlow);
    case "tick":
      return turn(world, move.at, {}, isDiskSlow);
    case "sync":
      return syncMove(world, move.at);
    case "request":
      return requestMove(world, move.at, move.request, bound);
    case "control":
      return controlMove(world, move, bound);
    case "crash":
      return crashMove(spent(world, "crashes"), move.at);
    case "start":
      return started(world, move.at, bound);
    case "cut":
      return reconnected(spent(world, "cuts"), [[move.at, move.to]], isDiskSlow);
    case "hand-over":
      return turn(
        spent(world, "handOvers"),
        move.at,
        { inputs: [{ kind: "hand-over", to: NAMES[move.to] ?? "" }] },
        isDiskSlow,
      );
    case "promote":
      return promoteMove(spent(world, "promotions"), move.at, isDiskSlow);
    case "lose-tail": {
      const node = nodeAt(world, move.at);
      const disk = { ...node.disk, entries: node.disk.entries.slice(0, -1) };
      const spoilt = { ...node, disk, isSpoilt: true };
      return crashMove(withNode(spent(world, "lostTails"), move.at, spoilt), move.at);
    }
    default:
      throw new Error(`no such move: ${JSON.stringify(move satisfies never)}`);
  }
}

/** The oldest order becomes durable, and the replica is told. */
function syncMove(world: World, at: number): World {
  const node = nodeAt(world, at);
  const order = node.disk.waiting[0]?.order ?? 0;
  const next = withNode(world, at, { ...node, disk: synced(node.disk, 1) });
  return turn(next, at, { inputs: [{ kind: "stored", order }] }, true);
}

function requestMove(world: World, at: number, request: Request, { isDiskSlow }: Bound): World {
  const kinds = { acquire: "acquires", release: "releases", expire: "expiries", check: "checks" } as const;
  const paid = spent(world, kinds[request.kind]);
  // A lease ends at the primary, and belief in it before: only then is there an event of it. A release ends it at its sending.
  const clients = world.clients.map((client, index) => {
    if (request.kind === "expire") return { ...client, token: 0 };
    return index === request.client ? { ...client, isWaiting: true, hasAsked: true } : client;
  });
  const before = request.kind === "expire" ? { ...paid, books: leaseEnded(paid, at) } : paid;
  const asked = turn({ ...before, clients }, at, { request }, isDiskSlow);
  if (request.kind !== "release") return asked;
  return {
    ...asked,
    clients: asked.clients.map((client, index) => (index === request.client ? { ...client, token: 0 } : client)),
  };
}

/** What the primary takes for the holder's lease has run out. */
function leaseEnded({ books, ...world }: World, at: number): World["books"] {
  const state = nodeAt({ books, ...world }, at).state;
  const { token } = state === null ? { token: 0 } : lockAt(endOf(state), state.configuration?.era ?? 0);
  return { ...books, ended: Math.max(books.ended, token) };
}

function controlMove(world: World, { number, how }: Extract<Move, { kind: "control" }>, bound: Bound): World {
  const asked = world.asked[number];
  if (asked === undefined) return world;
  const rest = world.asked.filter((other) => other !== asked);
  if (how === "answers" && asked.answer !== null) return heard({ ...world, asked: rest }, asked, asked.answer, bound);
  const { request } = asked;
  if (request.kind === "read") {
    const read: Input = { kind: "read", configuration: world.configuration, knownEpoch: request.knownEpoch };
    if (how !== "late") return heard({ ...world, asked: rest }, asked, read, bound);
    return { ...spent(world, "lateReads"), asked: [...rest, { ...asked, answer: read }] };
  }
  if (how === "forsaken") {
    const kept = { ...spent(world, "lateSwaps"), asked: [...rest, { ...asked, isForsaken: true }] };
    return heard(kept, asked, { kind: "not-written" }, bound);
  }
  const { expected, next } = request;
  const { epoch, nonce } = world.configuration;
  const isWritten = epoch === expected.epoch && nonce === expected.nonce;
  if (isWritten && next.epoch > bound.epochMax) throw new OutOfBound("fail-overs");
  const written = isWritten ? configured({ ...world, asked: rest }, next) : { ...world, asked: rest };
  checkLogs(written);
  if (how === "unanswered") return asked.isForsaken ? written : spent(written, "unanswered");
  return heard(written, asked, isWritten ? { kind: "written", configuration: next } : { kind: "not-written" }, bound);
}

/** With a new era begins a new book: what was lost is lost, and the operator was told so. */
function configured(world: World, next: Configuration): World {
  const { books, configuration } = world;
  const kept = next.era > configuration.era ? { ...books, committed: [] } : books;
  return { ...world, configuration: next, books: kept };
}

/** An answer of the control plane, if whoever asked still lives. */
function heard(world: World, { by, life }: Asked, input: Input, { isDiskSlow }: Bound): World {
  const node = nodeAt(world, by);
  if (node.state === null || node.life !== life) return world;
  return turn(world, by, { inputs: [input] }, isDiskSlow);
}

/** The process dies; its connections are found dead when it is there again. */
function crashMove(world: World, at: number): World {
  const node = nodeAt(world, at);
  const disk = { ...node.disk, waiting: [] };
  const dead: Node = { ...node, state: null, disk, links: NAMES.map(() => null), marks: [], replies: [], isDue: false };
  let next = withNode(world, at, { ...dead, life: node.life + 1 });
  for (let from = 0; from < NAMES.length; from++) next = withChannel(next, from, at, []);
  const asked = next.asked.filter((one) => one.by !== at || (one.request.kind !== "read" && one.answer === null));
  return { ...next, asked };
}

/** The operator's word that the others are off, and the wait after it: every claim that was granted has ended. */
function promoteMove(world: World, at: number, isDiskSlow: boolean): World {
  const clients = world.clients.map((client) => ({ ...client, token: 0 }));
  const ended = world.books.made.reduce((most, { lsn }) => Math.max(most, lsn), 0);
  const told = { ...world, clients, books: { ...world.books, ended } };
  return turn(told, at, { inputs: [{ kind: "promote", waitMs: 10 }] }, isDiskSlow);
}

/** A replica that is down starts with what its disk has, and is connected to all that are up. */
export function started(world: World, at: number, { isDiskSlow, replicas }: Bound): World {
  const ups = [...NAMES.keys()].filter((to) => to !== at && to < replicas && nodeAt(world, to).state !== null);
  const connected = ups.map((to) => ({ to, id: freshName("link-") }));
  let next = world;
  for (const to of ups) next = withChannel(next, to, at, []);
  for (const to of ups) next = withChannel(next, at, to, []);
  next = firstTurn(next, at, { connected }, isDiskSlow);
  for (const { to, id } of connected) next = turn(next, to, { connected: [{ to: at, id }] }, isDiskSlow);
  return next;
}

/** New connections: what was under way on the old ones is lost, and both ends know. */
function reconnected(world: World, pairs: readonly (readonly [number, number])[], isDiskSlow: boolean): World {
  let next = world;
  for (const [one, other] of pairs) {
    const id = freshName("link-");
    next = withChannel(withChannel(next, one, other, []), other, one, []);
    next = turn(next, one, { connected: [{ to: other, id }] }, isDiskSlow);
    next = turn(next, other, { connected: [{ to: one, id }] }, isDiskSlow);
  }
  return next;
}
