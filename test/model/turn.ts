/**
 * One turn of one replica's worker, as src/replication/README.md asks for it: the real `Replica` and the real `Link` are
 * given a copy of their state, are told what has come, and what they want done becomes part of a new world. With a fast
 * disk the orders of a turn are durable before its frames leave; with a slow one a move syncs them one by one.
 */
import type { Position } from "../../src/replication/entry.js";
import type { Input } from "../../src/replication/inputs.js";
import { type Frame, Link } from "../../src/replication/link.js";
import type { Outputs, ReadOrder } from "../../src/replication/outputs.js";
import { Replica } from "../../src/replication/replica.js";
import { REPLICATION_DEFAULTS, type ReplicationSettings } from "../../src/replication/settings.js";
import { shardIndex, shardMs } from "../../src/words/ids.js";
import { afterTurn, checkLogs } from "./books.js";
import { copyOfLink, copyOfState } from "./copy.js";
import { foundOn, NOTHING_FOUND, readFrom, synced } from "./disk.js";
import { answer, execute, type Request } from "./requests.js";
import type { Turn } from "./under-way.js";
import {
  type Asked,
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

/** A clock that goes on goes past every deadline: these are all smaller, and only their order counts. */
const JUMP_MS = 100;
/** Frames under way on one link, at most. */
const FRAMES_MAX = 3;
const SHARD = shardIndex(0);
const NEVER_MS = 1e9;

const SETTINGS: ReplicationSettings = {
  ...REPLICATION_DEFAULTS,
  heartbeatMs: NEVER_MS,
  memberSilentMs: 10,
  primarySilentMs: 20,
  controlRetryMs: 10,
  learnerSteadyMs: 0,
  digestEveryMs: NEVER_MS,
  digestEveryEvents: NEVER_MS,
};

/** What comes in a turn. */
export interface Coming {
  readonly inputs?: readonly Input[];
  readonly frame?: { readonly from: number; readonly frame: Frame };
  readonly request?: Request;
  /** New connections, by index of the other side, with their ids. */
  readonly connected?: readonly { readonly to: number; readonly id: string }[];
  /** The clock goes on, and the tick is left to the next turn. */
  readonly isJump?: boolean;
}

const pool: readonly Replica[] = NAMES.map((name) => start(name, NOTHING_FOUND));

function start(name: string, found: typeof NOTHING_FOUND): Replica {
  return new Replica({ shard: SHARD, name, settings: SETTINGS, found, nowMs: 0 });
}

/** The world after a turn of a replica that is up, in which this has come. */
export function turn(world: World, index: number, coming: Coming, isDiskSlow: boolean): World {
  const node = nodeAt(world, index);
  const replica = pool[index];
  if (node.state === null || replica === undefined) return world;
  Object.assign(replica.state, copyOfState(node.state));
  replica.take();
  return run(world, begin(world, index, replica), coming, isDiskSlow);
}

/** The world after the first turn of a replica that starts with what is on its disk. */
export function firstTurn(world: World, index: number, coming: Coming, isDiskSlow: boolean): World {
  const node = nodeAt(world, index);
  const replica = start(NAMES[index] ?? "", foundOn(node.disk));
  return run(world, begin(world, index, replica), coming, isDiskSlow);
}

function begin(world: World, index: number, replica: Replica): Turn {
  const { disk, links, replies, life } = nodeAt(world, index);
  const own = links.map((saved) => {
    if (saved === null) return null;
    const link = new Link(saved.id);
    Object.assign(link.state, copyOfLink(saved));
    return link;
  });
  return {
    index,
    replica,
    links: own,
    round: replica.state.round + 1,
    disk,
    asked: world.asked,
    replies: [...replies],
    life,
    outbox: NAMES.map(() => []),
    appended: [],
    served: servedEpoch(replica),
  };
}

function run(world: World, now: Turn, coming: Coming, isDiskSlow: boolean): World {
  const { replica, round, index } = now;
  const isJump = coming.isJump === true;
  const nowMs = replica.state.nowMs + (isJump ? JUMP_MS : 0);
  replica.step({ kind: "turn", round, nowMs });
  tell(now, coming);
  if (!isJump) replica.step({ kind: "tick", nonce: freshName("nonce-"), stamp: shardMs(0) });
  perform(now);
  if (coming.request !== undefined) execute(world, now, coming.request);
  perform(now);
  if (!isDiskSlow) {
    while (now.disk.waiting.length > 0) {
      now.disk = synced(now.disk, now.disk.waiting.length);
      replica.step({ kind: "stored", order: replica.state.order });
      perform(now);
    }
  }
  const marks = [...nodeAt(world, index).marks, { round, order: replica.state.order }];
  const stored = (now.disk.waiting[0]?.order ?? replica.state.order + 1) - 1;
  const durable = marks.findLast(({ order }) => order <= stored);
  const before = durable?.round ?? 0;
  for (const link of now.links) link?.stored(before);
  const after = afterTurn(world, now);
  const answered = answer(after, now);
  const sent = sendFrames(answered, now);
  const node: Node = {
    state: { ...replica.state },
    disk: now.disk,
    links: now.links.map((link) => (link === null ? null : link.state)),
    marks: marks.filter((mark) => mark.round > before),
    replies: now.replies,
    isDue: isJump,
    isSpoilt: nodeAt(world, index).isSpoilt,
    life: now.life,
  };
  const next = withNode({ ...sent, asked: now.asked }, index, node);
  checkLogs(next);
  return next;
}

function tell(now: Turn, { inputs = [], frame, connected = [] }: Coming): void {
  const { replica, links, round } = now;
  for (const { to, id } of connected) {
    const name = NAMES[to] ?? "";
    if (links[to] !== null) replica.step({ kind: "disconnected", from: name, how: "timed-out" });
    links[to] = new Link(id);
    replica.step({ kind: "connected", to: name });
  }
  if (frame !== undefined) {
    const received = links[frame.from]?.receive(frame.frame, round) ?? null;
    for (const message of received?.messages ?? []) replica.step({ kind: "message", message });
    const acknowledged = received?.acknowledged ?? 0;
    if (acknowledged > 0) replica.step({ kind: "acknowledged", from: NAMES[frame.from] ?? "", round: acknowledged });
  }
  for (const input of inputs) replica.step(input);
}

/** Does what the replica wants done, until it wants nothing more. */
function perform(now: Turn): void {
  for (let isMore = true; isMore; ) {
    const outputs = now.replica.take();
    isMore = outputs.reads.length > 0;
    take(now, outputs);
    for (const read of outputs.reads) now.replica.step(answerOf(now, read));
  }
}

function take(now: Turn, outputs: Outputs): void {
  for (const order of outputs.log) if (order.kind === "append") now.appended.push(order.entry);
  if (outputs.log.length > 0) now.disk = { ...now.disk, waiting: [...now.disk.waiting, ...outputs.log] };
  for (const message of outputs.messages) now.outbox[NAMES.indexOf(message.to)]?.push(message);
  for (const order of outputs.actor) if (order.kind === "leave-office") now.replies = [];
  now.served = Math.max(now.served, servedEpoch(now.replica));
  for (const order of outputs.actor) if (order.kind === "take-office") now.served = order.epoch;
  for (const request of outputs.control) {
    const asked: Asked = { by: now.index, life: now.life, request, isForsaken: false, answer: null };
    if (!now.asked.some((other) => isSameRequest(asked, other))) now.asked = [...now.asked, asked];
  }
}

/** The same question asked twice, before either is heard, is one: the second would be done at a moment of the first. */
function isSameRequest(one: Asked, other: Asked): boolean {
  if (one.by !== other.by || one.life !== other.life || other.answer !== null || other.isForsaken) return false;
  const [mine, theirs] = [one.request, other.request];
  if (mine.kind === "read") return theirs.kind === "read" && mine.knownEpoch === theirs.knownEpoch;
  return theirs.kind === "compare-and-swap" && mine.next.nonce === theirs.next.nonce;
}

function answerOf({ replica, disk }: Turn, read: ReadOrder): Input {
  const { stream } = read;
  if (read.kind === "read-log") {
    return { kind: "log-read", for: read.for, stream, entries: readFrom(disk, read.after) };
  }
  const { base, tail, committed } = replica.state;
  const position: Position = tail.findLast((entry) => entry.position.lsn <= committed)?.position ?? base;
  return { kind: "pages-read", for: read.for, stream, position, pages: [], isLast: true };
}

function servedEpoch({ isServing, state }: Replica): number {
  return isServing ? (state.configuration?.epoch ?? 0) : 0;
}

function sendFrames(world: World, now: Turn): World {
  const { index, round, outbox, links, replies } = now;
  // A round of its own only for answers without an event: an event's frames carry the round.
  const isWanted = replies.some(
    (reply) => reply.round === round && reply.kind !== "granted" && reply.kind !== "released",
  );
  let next = world;
  for (const [to, link] of links.entries()) {
    const frame = link?.frame(round, outbox[to] ?? [], isWanted) ?? null;
    if (frame === null || nodeAt(next, to).state === null) continue;
    const under = channelAt(next, index, to);
    if (under.length >= FRAMES_MAX) throw new OutOfBound("frames of a link");
    next = withChannel(next, index, to, [...under, frame]);
  }
  return next;
}
